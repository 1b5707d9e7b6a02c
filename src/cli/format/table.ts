const WIDTH_MIN = 10;
const PADDING = 3;

/** Aligned columns as docker's: three blanks between, no column narrower than the minimum (ten unless told), the last one ragged. */
export function printTable(rows: readonly (readonly string[])[], widthMin = WIDTH_MIN): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.slice(0, -1).forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? widthMin, widthOf(cell) + PADDING);
    });
  }
  const lines = rows.map((row) => {
    const last = row.length - 1;
    return row.map((cell, column) => (column === last ? cell : pad(cell, widths[column] ?? 0))).join('');
  });
  return lines.map((line) => `${line}\n`).join('');
}

const widthOf = (text: string): number => [...text].length;
const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - widthOf(text)));
