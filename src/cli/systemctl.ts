import { existsSync } from 'node:fs';
import type { ProgramRunner } from '#/linux/process.ts';
import { ExitError } from './command.ts';

/** Undefined where systemd does not run. */
export async function findSystemd(): Promise<ProgramRunner | undefined> {
  if (!existsSync('/run/systemd/system')) return undefined;
  return (await import('#/linux/process.ts')).hostPrograms;
}

/** Ends the command with systemctl's own words where that fails. */
export async function systemctl(programs: ProgramRunner, args: readonly string[]): Promise<void> {
  const { code, stderr } = await programs.run('systemctl', args);
  if (code !== 0) throw new ExitError(1, `systemctl ${args.join(' ')} failed: ${stderr.trim()}`);
}
