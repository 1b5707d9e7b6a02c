import { printCommands, printFlags } from './args/help.ts';
import type { Command } from './command.ts';
import { usageOf } from './failure.ts';
import { GLOBAL_FLAGS } from './global.ts';
import { COMMAND_GROUPS, COMMON_COMMANDS, type CommandTable, OTHER_COMMANDS } from './registry.ts';

const list = (table: CommandTable): string =>
  printCommands(
    Object.entries(table).map(([name, entry]): [string, string] => [
      name,
      entry.load === undefined ? `${entry.summary} (not implemented yet)` : entry.summary,
    ]),
  );

/** What `gantry --help` says. */
export function printOverview(): string {
  const groups = Object.entries(COMMAND_GROUPS).map(([name, group]): [string, string] => [name, group.summary]);
  return [
    'Usage:  gantry [OPTIONS] COMMAND',
    'Run applications as containers',
    `Common Commands:\n${list(COMMON_COMMANDS)}`,
    `Management Commands:\n${printCommands(groups)}`,
    `Commands:\n${printCommands([['daemon', 'Run the engine'] as const])}\n${list(OTHER_COMMANDS)}`,
    `Global Options:\n${printFlags(GLOBAL_FLAGS)}`,
    'The daemon is found by -H, GANTRY_HOST, DOCKER_HOST, or at unix:///run/gantry/gantry.sock.',
    "Run 'gantry COMMAND --help' for more information on a command.\n",
  ].join('\n\n');
}

/** What `gantry container --help` says. */
export function printGroup(name: string, summary: string, commands: CommandTable): string {
  return [
    `Usage:  gantry ${name} COMMAND`,
    summary,
    `Commands:\n${list(commands)}`,
    `Run 'gantry ${name} COMMAND --help' for more information on a command.\n`,
  ].join('\n\n');
}

/** What `gantry COMMAND --help` says. */
export function printHelp(name: string, command: Command, columns?: number): string {
  const parts = [`Usage:  gantry ${usageOf(name, command)}`, command.summary];
  if (command.aliases !== undefined) {
    parts.push(`Aliases:\n  ${command.aliases.map((alias) => `gantry ${alias}`).join(', ')}`);
  }
  if (command.flags.length > 0) parts.push(`Options:\n${printFlags(command.flags, columns)}`);
  parts.push(`Examples:\n${command.examples.map((example) => `  ${example}`).join('\n')}`);
  return `${parts.join('\n\n')}\n`;
}
