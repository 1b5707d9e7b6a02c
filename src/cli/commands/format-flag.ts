import type { Flag } from '../args/flag.ts';

const LINES = [
  'Format output using a custom template:',
  "'table':            Print output in table format with column headers (default)",
  "'table TEMPLATE':   Print output in table format using the given Go template",
  "'json':             Print in JSON format",
  "'TEMPLATE':         Print output using the given Go template.",
];

/** `--format` of commands that print lists. */
export const FORMAT_FLAG: Flag = { name: 'format', kind: 'value', help: LINES.join('\n') };

/** `--format` of commands that print one thing. */
export const OBJECT_FORMAT_FLAG: Flag = {
  name: 'format',
  short: 'f',
  kind: 'value',
  help: [LINES[0], ...LINES.slice(3)].join('\n'),
};
