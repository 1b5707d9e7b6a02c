import { DaemonError } from '#/client/daemon-error.ts';
import type { UsageError } from './args/parse.ts';
import type { Command } from './command.ts';
import { escapeControls } from './format/escape.ts';

/** What went wrong, in docker's words: who said it, and what. */
export function describeFailure(error: unknown): string {
  const message = escapeControls(error instanceof Error ? error.message : String(error));
  return error instanceof DaemonError ? `Error response from daemon: ${message}` : message;
}

/** A mistake in the command line with the usage below. */
export function describeUsageError(name: string, command: Command, error: UsageError): string {
  // docker says See where more than a fixed number of operands is taken, and Run otherwise.
  const verb = error.what === 'operands' && command.operands[1] > command.operands[0] ? 'See' : 'Run';
  return `${error.message}\n\nUsage:  gantry ${usageOf(name, command)}\n\n${verb} 'gantry ${name} --help' for more information`;
}

/** The usage line under the name by which the command was called. */
export const usageOf = (name: string, command: Command): string => command.usage.replace(/^\S+/, name);
