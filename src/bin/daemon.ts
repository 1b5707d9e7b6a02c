import { runDaemon } from '#/api/run-daemon.ts';
import { parseArgs } from '#/cli/args/parse.ts';
import { DAEMON_FLAGS, readDaemonOptions } from '#/cli/daemon-options.ts';

// Started by scripts/in-namespace.sh, which has taken the locks of the roots and entered the daemon's mount namespace.
const { flags } = parseArgs(process.argv.slice(2), DAEMON_FLAGS, { interspersed: true });
await runDaemon(readDaemonOptions(flags, process.env));
