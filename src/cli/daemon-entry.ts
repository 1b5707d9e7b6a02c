import { fileURLToPath } from 'node:url';
import { type DaemonOptions, printDaemonArgs } from './daemon-options.ts';

const IN_NAMESPACE = fileURLToPath(new URL('../../scripts/in-namespace.sh', import.meta.url));
const DAEMON = fileURLToPath(new URL('../bin/daemon.ts', import.meta.url));

/** What `in-namespace.sh` ends with when another daemon uses the data or exec root. */
export const EXIT_IN_USE = 75;

/** The program, with its arguments, that becomes the daemon: the script enters the daemon's mount namespace first. */
export function daemonCommandLine(options: DaemonOptions): readonly [program: string, ...args: string[]] {
  return [
    '/bin/sh',
    IN_NAMESPACE,
    options.execRoot,
    options.dataRoot,
    process.execPath,
    DAEMON,
    ...printDaemonArgs(options),
  ];
}
