import type { NetlinkRequest } from '#/linux/netlink.ts';
import { addChain, addElements, addRule, addSet, addTable, deleteElements, deleteTable } from '#/linux/nfnetlink.ts';
import type { TableElement } from './firewall-elements.ts';
import { planBridgedTable, planRoutedTable, TABLE_NAME, type TablePlan } from './firewall-tables.ts';

/** Both tables with these elements in place of whatever there is. For one transaction, so that no packet sees a gap. */
export function installRequests(
  elements: readonly TableElement[],
  options: { readonly marksPassed: boolean },
): readonly NetlinkRequest[] {
  return [planRoutedTable(options), planBridgedTable()].flatMap((plan) => replaceTable(plan, elements));
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
      elements.filter(({ family }) => family === table.family),
      addElements,
    ),
  ];
}

/** Deletions come first: an element may be replaced by one with the same key. */
export const updateRequests = (
  deleted: readonly TableElement[],
  added: readonly TableElement[],
): readonly NetlinkRequest[] => [...elementRequests(deleted, deleteElements), ...elementRequests(added, addElements)];

function elementRequests(
  elements: readonly TableElement[],
  encode: typeof addElements | typeof deleteElements,
): readonly NetlinkRequest[] {
  const sets = Map.groupBy(elements, ({ family, set }) => `${family} ${set}`);
  return [...sets.values()].flatMap((members) => {
    const [first] = members;
    return first === undefined ? [] : encode({ family: first.family, name: TABLE_NAME }, first.set, members);
  });
}
