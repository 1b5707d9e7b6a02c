import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('throwaway-host.sh', import.meta.url));

/**
 * Makes the calling test file run in a throwaway host: fresh mount, network, pid, uts and cgroup namespaces with loopback
 * up, an empty /run and /var/lib/gantry, and TMPDIR in a directory that is removed afterwards.
 * Call it first thing in a `*.kernel.test.ts`, before anything is opened. Outside it replaces this process by the same
 * command inside such a host and does not return; inside it returns at once.
 */
export function inThrowawayHost(): void {
  if (process.env.GANTRY_THROWAWAY_HOST === '1') return;
  if (process.getuid?.() !== 0) throw new Error('kernel tests need root: they run in namespaces of their own');
  if (process.execve === undefined) throw new Error('kernel tests need a Node with process.execve');
  const node = [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
  process.execve('/bin/sh', ['sh', SCRIPT, ...node], process.env);
}
