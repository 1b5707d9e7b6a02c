import { escapeControls } from './escape.ts';
import { printEscapedJson } from './go-json.ts';
import { printTable } from './table.ts';

/** One thing that a list can show of each row. */
export interface Column<Row> {
  readonly header: string;
  readonly value: (row: Row) => string;
}

/** What a list shows, and which of it unless told otherwise. */
export interface Listing<Row> {
  readonly columns: Readonly<Record<string, Column<Row>>>;
  readonly shown: readonly string[];
  /** Fields that only templates and JSON see, with values of any shape. */
  readonly extra?: Readonly<Record<string, (row: Row) => unknown>>;
  /** Methods of templates (`{{.Label "x"}}`), by name; `header` gives the title in tables. */
  readonly methods?: Readonly<Record<string, (row: Row, argument: string) => string>>;
}

/**
 * The text of a list: a table of the usual columns, or what `--format` asks for: `table`, `table TEMPLATE`, `json`,
 * `TEMPLATE`. Control characters are made visible where a terminal would obey them.
 */
export async function printRows<Row>(
  listing: Listing<Row>,
  rows: readonly Row[],
  format: string | undefined,
): Promise<string> {
  if (format === undefined || format === '' || format === 'table') return printPlainTable(listing, rows);
  if (format === 'json') return rows.map((row) => `${printEscapedJson(templateRow(listing, row))}\n`).join('');
  const { compileTemplate } = await import('../template/template.ts');
  const template = unescapeTabs(format);
  if (!/^table\s/.test(template)) {
    const fill = compileTemplate(template, 'list');
    return rows.map((row) => `${fill(templateRow(listing, row))}\n`).join('');
  }
  const fill = compileTemplate(template.replace(/^table\s+/, ''), 'list');
  const lines = [fill(headerRow(listing)), ...rows.map((row) => fill(templateRow(listing, row)))];
  return printTable(lines.map((line) => line.split('\t').map(escapeControls)));
}

/** The shell's single quotes leave `\t` and `\n` as two characters each. */
const unescapeTabs = (format: string): string => format.replaceAll('\\t', '\t').replaceAll('\\n', '\n');

function printPlainTable<Row>(listing: Listing<Row>, rows: readonly Row[]): string {
  const columns = listing.shown.flatMap((name) => listing.columns[name] ?? []);
  const header = columns.map((column) => column.header);
  return printTable([header, ...rows.map((row) => columns.map((column) => escapeControls(column.value(row))))]);
}

/** A row as templates and JSON see it. All fields, computed when asked for, in the order of their names; methods answer, but are not listed. */
export function templateRow<Row>(listing: Listing<Row>, row: Row): Record<string, unknown> {
  const fields: readonly (readonly [string, () => unknown])[] = [
    ...Object.entries(listing.columns).map(([name, column]) => [name, () => column.value(row)] as const),
    ...Object.entries(listing.extra ?? {}).map(([name, value]) => [name, () => value(row)] as const),
  ];
  const target: Record<string, unknown> = {};
  for (const [name, get] of [...fields].sort(([a], [b]) => (a < b ? -1 : 1))) {
    Object.defineProperty(target, name, { get, enumerable: true });
  }
  for (const [name, method] of Object.entries(listing.methods ?? {})) {
    Object.defineProperty(target, name, { value: (argument: unknown) => method(row, String(argument)) });
  }
  return target;
}

function headerRow<Row>(listing: Listing<Row>): Record<string, unknown> {
  const columns = Object.entries(listing.columns).map(([name, column]) => [name, column.header]);
  const methods = Object.keys(listing.methods ?? {}).map((name) => [
    name,
    (argument: unknown) => String(argument).split('.').at(-1),
  ]);
  return Object.fromEntries([...columns, ...methods]) as Record<string, unknown>;
}
