import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DaemonOptions, printDaemonArgs } from './daemon-options.ts';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const IN_NAMESPACE = join(CHECKOUT, 'scripts/in-namespace.sh');
const DAEMON = join(CHECKOUT, 'src/bin/daemon.ts');

/** What `in-namespace.sh` ends with when another daemon uses the data or exec root. */
export const EXIT_IN_USE = 75;

/**
 * A young generation of 1 MiB instead of 16: an idle daemon is 9 MB smaller, and what it works on in bulk (layers, streams)
 * lies outside V8's heap anyway. The collector is exposed so that the memory of a burst can be given back after it.
 */
const NODE_FLAGS = ['--max-semi-space-size=1', '--expose-gc'];

/** The program, with its arguments, that becomes the daemon: the script enters the daemon's mount namespace first. */
export function daemonCommandLine(options: DaemonOptions): readonly [program: string, ...args: string[]] {
  return [
    '/bin/sh',
    IN_NAMESPACE,
    options.execRoot,
    options.dataRoot,
    process.execPath,
    ...NODE_FLAGS,
    DAEMON,
    ...printDaemonArgs(options),
  ];
}
