import type { Flag } from './flag.ts';

const WIDTH_DEFAULT = 80;
const HELP_WIDTH_MIN = 24;

/** The lines that explain the options, wrapped to the terminal. */
export function printFlags(flags: readonly Flag[], width = WIDTH_DEFAULT): string {
  const shown = flags.filter((flag) => flag.hidden !== true);
  const names = shown.map(printName);
  const indent = Math.max(...names.map((name) => name.length)) + 3;
  const room = Math.max(HELP_WIDTH_MIN, width - 1 - indent);
  const lines = shown.map((flag, index) => {
    const help = flag.fallback === undefined ? flag.help : `${flag.help} (default ${flag.fallback})`;
    const text = help.split('\n').flatMap((line) => wrap(line, room));
    return `${(names[index] ?? '').padEnd(indent)}${text.join(`\n${' '.repeat(indent)}`)}`;
  });
  return lines.join('\n');
}

function printName(flag: Flag): string {
  const short = flag.short === undefined ? '    ' : `-${flag.short}, `;
  const type = flag.kind === 'bool' ? '' : ` ${flag.type ?? (flag.kind === 'list' ? 'list' : 'string')}`;
  return `  ${short}--${flag.name}${type}`;
}

/** Lines are broken a little early, and a last line may be a little longer: docker's option parser does so too. */
const SLACK = 5;

function wrap(text: string, room: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length >= room) {
    const at = rest.slice(0, room - SLACK).lastIndexOf(' ');
    if (at <= 0) break;
    lines.push(rest.slice(0, at));
    rest = rest.slice(at + 1);
  }
  return [...lines, rest];
}

/** Names and summaries in two columns. */
export function printCommands(commands: readonly (readonly [name: string, summary: string])[]): string {
  const indent = Math.max(...commands.map(([name]) => name.length), 10) + 2;
  return commands.map(([name, summary]) => `  ${name.padEnd(indent)}${summary}`).join('\n');
}
