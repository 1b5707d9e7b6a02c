import { type CommandContext, ExitError } from '../command.ts';

const AT_ONCE_MAX = 50;

/**
 * Does the same to every operand, many at once, and prints what each gives back, in the order given. Failures are
 * told one a line, and the exit status is 1 if there was any.
 */
export async function forEachOperand(
  { operands, io }: CommandContext,
  action: (name: string) => Promise<string | undefined>,
): Promise<number> {
  const failures: string[] = [];
  for (let at = 0; at < operands.length; at += AT_ONCE_MAX) {
    const names = operands.slice(at, at + AT_ONCE_MAX);
    const results = await Promise.allSettled(names.map(action));
    for (const result of results) {
      if (result.status === 'rejected') failures.push(await describe(result.reason));
      else if (result.value !== undefined) io.stdout.write(`${result.value}\n`);
    }
  }
  for (const failure of new Set(failures)) io.stderr.write(`${failure}\n`);
  return failures.length === 0 ? 0 : 1;
}

async function describe(error: unknown): Promise<string> {
  const { NoDaemonError } = await import('#/client/daemon-error.ts');
  if (error instanceof NoDaemonError) throw error;
  if (error instanceof ExitError) return error.message;
  const { describeFailure } = await import('../failure.ts');
  return describeFailure(error);
}

/** A name or id as it stands in a request's path. */
export const inPath = (name: string): string => encodeURIComponent(name);
