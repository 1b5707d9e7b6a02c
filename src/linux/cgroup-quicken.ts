import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CgroupHost, readIfExists } from './cgroup.ts';

/**
 * Makes the next moves of processes between control groups quick. The first move after a while waits 5 to 10 ms for the
 * kernel (an RCU grace period, before forks may be held off), those that follow within some milliseconds do not. The
 * function that this returns pays that in the background, by moving this process to where it is; call it when a container
 * or an exec is about to be started, which takes about as long to get to its own move. Never fails.
 */
export function cgroupQuickener(host: CgroupHost): () => void {
  let isRunning = false;
  return () => {
    const path = isRunning ? undefined : ownProcsFile(host);
    if (path === undefined) return;
    isRunning = true;
    const done = (): void => {
      isRunning = false;
    };
    writeFile(path, String(process.pid), { flag: 'r+' }).then(done, done);
  };
}

/** `cgroup.procs` of the group that this process is in now, in any hierarchy; read anew, since others may move us. */
function ownProcsFile(host: CgroupHost): string | undefined {
  for (const line of (readIfExists('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers = '', path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const hierarchy = host.hierarchies.find(
      ({ version, hidden, controllers: known }) =>
        !hidden && (version === 2 ? controllers === '' : known.includes(controllers.split(',')[0] ?? '')),
    );
    // A path outside our cgroup namespace cannot be written.
    if (hierarchy !== undefined && path !== undefined && !path.startsWith('/..')) {
      return join(hierarchy.directory, path, 'cgroup.procs');
    }
  }
  return undefined;
}
