import type { Flag } from '../args/flag.ts';
import {
  checkInt,
  checkLabel,
  checkUint16,
  parseBytes,
  parseBytesOrUnlimited,
  parseCpus,
  parseDuration,
} from '../args/values.ts';
import {
  checkDeviceRule,
  checkDomain,
  checkEnv,
  checkHost,
  checkIp,
  checkLink,
  checkMount,
  checkNetwork,
  checkStream,
  checkSysctl,
} from './checks.ts';
import { parseGpus } from './gpus.ts';
import { parseThrottle, parseUlimit, parseWeight } from './resources.ts';

type Extra = Partial<Omit<Flag, 'name' | 'kind' | 'help'>>;

const bool = (name: string, help: string, extra: Extra = {}): Flag => ({ name, kind: 'bool', help, ...extra });
const value = (name: string, help: string, extra: Extra = {}): Flag => ({ name, kind: 'value', help, ...extra });
const list = (name: string, help: string, extra: Extra = {}): Flag => ({ name, kind: 'list', help, ...extra });
const int = (name: string, help: string, extra: Extra = {}): Flag =>
  value(name, help, { type: 'int', check: checkInt, ...extra });
const bytes = (name: string, help: string, extra: Extra = {}): Flag =>
  value(name, help, { type: 'bytes', check: parseBytes, ...extra });
const duration = (name: string, help: string): Flag =>
  value(name, help, { type: 'duration', fallback: '0s', check: parseDuration });

/** Refused, where docker would pass it on to a daemon that cannot do it. */
const windowsOnly = (name: string): Flag =>
  value(name, '', {
    hidden: true,
    check: () => {
      throw new Error('only supported on a daemon running on windows');
    },
  });

const throttle = (name: string, help: string, kind: 'bps' | 'iops'): Flag =>
  list(name, help, { fallback: '[]', check: (text) => parseThrottle(text, kind) });

/** The options that `create` and `run` share. */
export const CREATE_FLAGS: readonly Flag[] = [
  list('add-host', 'Add a custom host-to-IP mapping (host:ip)', { check: checkHost }),
  list('annotation', 'Add an annotation to the container (passed through to the OCI runtime)', {
    type: 'map',
    fallback: 'map[]',
  }),
  list('attach', 'Attach to STDIN, STDOUT or STDERR', { short: 'a', check: checkStream }),
  value('blkio-weight', 'Block IO (relative weight), between 10 and 1000, or 0 to disable', {
    type: 'uint16',
    fallback: '0',
    check: checkUint16,
  }),
  list('blkio-weight-device', 'Block IO weight (relative device weight)', { fallback: '[]', check: parseWeight }),
  list('cap-add', 'Add Linux capabilities'),
  list('cap-drop', 'Drop Linux capabilities'),
  value('cgroup-parent', 'Optional parent cgroup for the container'),
  value('cgroupns', 'Cgroup namespace to use (host|private); the daemon chooses unless told'),
  value('cidfile', 'Write the container ID to the file'),
  windowsOnly('cpu-count'),
  windowsOnly('cpu-percent'),
  int('cpu-period', 'Limit CPU CFS (Completely Fair Scheduler) period'),
  int('cpu-quota', 'Limit CPU CFS (Completely Fair Scheduler) quota'),
  int('cpu-rt-period', 'Limit CPU real-time period in microseconds'),
  int('cpu-rt-runtime', 'Limit CPU real-time runtime in microseconds'),
  int('cpu-shares', 'CPU shares (relative weight)', { short: 'c' }),
  value('cpus', 'Number of CPUs', { type: 'decimal', check: parseCpus }),
  value('cpuset-cpus', 'CPUs in which to allow execution (0-3, 0,1)'),
  value('cpuset-mems', 'MEMs in which to allow execution (0-3, 0,1)'),
  list('device', 'Add a host device to the container'),
  list('device-cgroup-rule', 'Add a rule to the cgroup allowed devices list', { check: checkDeviceRule }),
  throttle('device-read-bps', 'Limit read rate (bytes per second) from a device', 'bps'),
  throttle('device-read-iops', 'Limit read rate (IO per second) from a device', 'iops'),
  throttle('device-write-bps', 'Limit write rate (bytes per second) to a device', 'bps'),
  throttle('device-write-iops', 'Limit write rate (IO per second) to a device', 'iops'),
  bool('disable-content-trust', 'Skip image verification', { fallback: 'true', hidden: true }),
  list('dns', 'Set custom DNS servers', { check: checkIp }),
  list('dns-opt', 'Set DNS options', { hidden: true, as: 'dns-option' }),
  list('dns-option', 'Set DNS options'),
  list('dns-search', 'Set custom DNS search domains', { check: checkDomain }),
  value('domainname', 'Container NIS domain name'),
  value('entrypoint', 'Overwrite the default ENTRYPOINT of the image'),
  list('env', 'Set environment variables', { short: 'e', check: checkEnv }),
  list('env-file', 'Read in a file of environment variables'),
  list('expose', 'Expose a port or a range of ports'),
  list('gpus', "GPU devices to add to the container ('all' to pass all GPUs)", {
    type: 'gpu-request',
    check: parseGpus,
  }),
  list('group-add', 'Add additional groups to join'),
  value('health-cmd', 'Command to run to check health'),
  duration('health-interval', 'Time between running the check (ms|s|m|h)'),
  int('health-retries', 'Consecutive failures needed to report unhealthy'),
  duration('health-start-interval', 'Time between running the check during the start period (ms|s|m|h)'),
  duration(
    'health-start-period',
    'Start period for the container to initialize before starting health-retries countdown (ms|s|m|h)',
  ),
  duration('health-timeout', 'Maximum time to allow one check to run (ms|s|m|h)'),
  value('hostname', 'Container host name', { short: 'h' }),
  bool('init', 'Run an init inside the container that forwards signals and reaps processes'),
  bool('interactive', 'Keep STDIN open even if not attached', { short: 'i' }),
  windowsOnly('io-maxbandwidth'),
  windowsOnly('io-maxiops'),
  value('ip', 'IPv4 address (e.g., 172.30.100.104)'),
  value('ip6', 'IPv6 address (e.g., 2001:db8::33)'),
  value('ipc', 'IPC mode to use'),
  value('isolation', 'Container isolation technology'),
  bytes('kernel-memory', 'Kernel memory limit', { hidden: true }),
  list('label', 'Set meta data on a container', { short: 'l', check: checkLabel }),
  list('label-file', 'Read in a line delimited file of labels'),
  list('link', 'Add link to another container', { check: checkLink }),
  list('link-local-ip', 'Container IPv4/IPv6 link-local addresses'),
  value('log-driver', 'Logging driver for the container'),
  list('log-opt', 'Log driver options'),
  value('mac-address', 'Container MAC address (e.g., 92:d0:c6:0a:29:33)'),
  bytes('memory', 'Memory limit', { short: 'm' }),
  bytes('memory-reservation', 'Memory soft limit'),
  bytes('memory-swap', "Swap limit equal to memory plus swap: '-1' to enable unlimited swap", {
    check: parseBytesOrUnlimited,
  }),
  int('memory-swappiness', 'Tune container memory swappiness (0 to 100)', { fallback: '-1' }),
  list('mount', 'Attach a filesystem mount to the container', { type: 'mount', check: checkMount }),
  value('name', 'Assign a name to the container'),
  list('net', 'Connect a container to a network', { hidden: true, as: 'network', check: checkNetwork }),
  list('net-alias', 'Add network-scoped alias for the container', { hidden: true, as: 'network-alias' }),
  list('network', 'Connect a container to a network', { type: 'network', check: checkNetwork }),
  list('network-alias', 'Add network-scoped alias for the container'),
  bool('no-healthcheck', 'Disable any container-specified HEALTHCHECK'),
  bool('oom-kill-disable', 'Disable OOM Killer'),
  int('oom-score-adj', "Tune host's OOM preferences (-1000 to 1000)"),
  value('pid', 'PID namespace to use'),
  int('pids-limit', 'Tune container pids limit (set -1 for unlimited)'),
  value('platform', 'Set platform if server is multi-platform capable'),
  bool('privileged', 'Give extended privileges to this container'),
  list('publish', "Publish a container's port(s) to the host", { short: 'p' }),
  bool('publish-all', 'Publish all exposed ports to random ports', { short: 'P' }),
  value('pull', 'Pull image before running ("always", "missing", "never")', { fallback: '"missing"' }),
  bool('quiet', 'Suppress the pull output', { short: 'q' }),
  bool('read-only', "Mount the container's root filesystem as read only"),
  value('restart', 'Restart policy to apply when a container exits', { fallback: '"no"' }),
  bool('rm', 'Automatically remove the container and its associated anonymous volumes when it exits'),
  value('runtime', 'Runtime to use for this container'),
  list('security-opt', 'Security Options'),
  bytes('shm-size', 'Size of /dev/shm'),
  value('stop-signal', 'Signal to stop the container'),
  int('stop-timeout', 'Timeout (in seconds) to stop a container'),
  list('storage-opt', 'Storage driver options for the container'),
  list('sysctl', 'Sysctl options', { type: 'map', fallback: 'map[]', check: checkSysctl }),
  list('tmpfs', 'Mount a tmpfs directory'),
  bool('tty', 'Allocate a pseudo-TTY', { short: 't' }),
  list('ulimit', 'Ulimit options', { type: 'ulimit', fallback: '[]', check: parseUlimit }),
  bool('use-api-socket', 'Bind mount the API socket'),
  value('user', 'Username or UID (format: <name|uid>[:<group|gid>])', { short: 'u' }),
  value('userns', 'User namespace to use'),
  value('uts', 'UTS namespace to use'),
  list('volume', 'Bind mount a volume', { short: 'v' }),
  value('volume-driver', 'Optional volume driver for the container'),
  list('volumes-from', 'Mount volumes from the specified container(s)'),
  value('workdir', 'Working directory inside the container', { short: 'w' }),
];

const byName = (a: Flag, b: Flag): number => (a.name < b.name ? -1 : 1);

/** The options of `run`. */
export const RUN_FLAGS: readonly Flag[] = [
  ...CREATE_FLAGS,
  bool('detach', 'Run container in background and print container ID', { short: 'd' }),
  value('detach-keys', 'Override the key sequence for detaching a container'),
  bool('sig-proxy', 'Proxy received signals to the process', { fallback: 'true' }),
].sort(byName);
