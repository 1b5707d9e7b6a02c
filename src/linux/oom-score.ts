/**
 * The command that runs a program with this OOM score (-1000 to 1000, proc(5)), which all that it starts inherits; the
 * program itself where none is asked for. What this process may not set is left as it is.
 */
export function withOomScore(
  score: number | undefined,
  program: string,
  args: readonly string[],
): readonly [program: string, args: readonly string[]] {
  if (score === undefined) return [program, args];
  const script = '{ echo "$0" > /proc/self/oom_score_adj; } 2>/dev/null; exec "$@"';
  return ['/bin/sh', ['-c', script, String(score), program, ...args]];
}
