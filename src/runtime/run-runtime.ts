import { runtimeFailure } from './create-failure.ts';
import type { MonitorTools } from './monitor.ts';

const TIMEOUT_MS = 30_000;

/** Runs one of the OCI runtime's commands; its failure is an error that carries its words. */
export async function runRuntime(tools: MonitorTools, command: readonly string[], attempted: string): Promise<string> {
  const args = [`--root=${tools.stateRoot}`, ...(tools.systemdCgroup ? ['--systemd-cgroup'] : []), ...command];
  const { code, stdout, stderr } = await tools.programs.run(tools.runtimePath, args, { timeoutMs: TIMEOUT_MS });
  if (code !== 0) throw runtimeFailure(attempted, stderr);
  return stdout;
}
