import type { NetlinkRequest } from '#/linux/netlink.ts';
import {
  addChain,
  addElements,
  addRule,
  addSet,
  addTable,
  deleteElements,
  deleteTable,
  nftTransaction,
  openNfnetlink,
} from '#/linux/nfnetlink.ts';
import type { TableElement } from './firewall-elements.ts';
import { planBridgedTable, planRoutedTable, type TableOptions, type TablePlan } from './firewall-tables.ts';

/** Both tables with these elements in place of whatever there is. For one transaction, so that no packet sees a gap. */
export function installRequests(elements: readonly TableElement[], options: TableOptions): readonly NetlinkRequest[] {
  return [planRoutedTable(options), planBridgedTable(options)].flatMap((plan) => replaceTable(plan, elements));
}

/** Takes both tables of that name away; absence is success. */
export async function removeTables(name: string): Promise<void> {
  using netlink = openNfnetlink();
  const tables = (['inet', 'bridge'] as const).map((family) => ({ family, name }));
  // Adding it first makes the deletion succeed where there is none.
  await netlink.batch(nftTransaction(tables.flatMap((table) => [addTable(table), deleteTable(table)])));
}

function replaceTable({ table, sets, chains, rules }: TablePlan, elements: readonly TableElement[]): NetlinkRequest[] {
  return [
    // The first makes the second succeed where there is no table yet.
    addTable(table),
    deleteTable(table),
    addTable(table),
    ...sets.map((set, position) => addSet(table, set, position + 1)),
    ...chains.map((chain) => addChain(table, chain)),
    ...rules.map((rule) => addRule(table, rule)),
    ...elementRequests(
      table.name,
      elements.filter(({ family }) => family === table.family),
      addElements,
    ),
  ];
}

/** Deletions come first: an element may be replaced by one with the same key. */
export const updateRequests = (
  tableName: string,
  deleted: readonly TableElement[],
  added: readonly TableElement[],
): readonly NetlinkRequest[] => [
  ...elementRequests(tableName, deleted, deleteElements),
  ...elementRequests(tableName, added, addElements),
];

function elementRequests(
  tableName: string,
  elements: readonly TableElement[],
  encode: typeof addElements | typeof deleteElements,
): readonly NetlinkRequest[] {
  const sets = Map.groupBy(elements, ({ family, set }) => `${family} ${set}`);
  return [...sets.values()].flatMap((members) => {
    const [first] = members;
    return first === undefined ? [] : encode({ family: first.family, name: tableName }, first.set, members);
  });
}
