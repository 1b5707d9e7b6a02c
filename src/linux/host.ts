import { accessSync, constants, existsSync } from 'node:fs';
import { availableParallelism, hostname, machine, release, tmpdir, totalmem } from 'node:os';
import { readBoundingCapabilities } from './capability-mask.ts';
import { type CgroupHost, probeCgroups, readIfExists } from './cgroup.ts';
import { type Capability, probeErofs } from './erofs.ts';
import { knowsFileSystem } from './fs-context.ts';
import { type LimitKnob, probeLimits } from './limit-probe.ts';

/** What this host is and can do, found out once at start. */
export interface HostFacts {
  readonly name: string;
  /** As uname says: `6.18.44`, `x86_64`. */
  readonly kernelVersion: string;
  readonly architecture: string;
  /** `Debian GNU/Linux 12 (bookworm)`. */
  readonly operatingSystem: string;
  readonly operatingSystemVersion: string;
  readonly cpuCount: number;
  readonly memoryBytes: number;
  /** NUMA nodes, as the kernel lists them: `0`, `0-3,7`. */
  readonly memoryNodes: string;
  /** What this process may hand on: bit n for capability n. */
  readonly heldCapabilities: bigint;
  readonly cgroups: CgroupHost;
  /** Which limits of a container this host enforces. */
  readonly limits: Readonly<Record<LimitKnob, Capability>>;
  readonly features: Readonly<Record<HostFeature, Capability>>;
  /** By the names of setrlimit(2) in lower case (`nofile`). Infinity is unlimited. */
  readonly rlimits: ReadonlyMap<string, { readonly soft: number; readonly hard: number }>;
}

export type HostFeature =
  /** May raise rlimits over their hard limit, and lower oom_score_adj. */
  'sysResource' | 'seccomp' | 'apparmor' | 'selinux' | 'overlay' | 'erofs' | 'kvm' | 'userNamespaces';

const CAP_SYS_RESOURCE = 24n;

/** `scratchDirectory` lies on the file system that layers are stored on. */
export function probeHost({ scratchDirectory = tmpdir() } = {}): HostFacts {
  const cgroups = probeCgroups();
  const release_ = parseOsRelease(readIfExists('/etc/os-release') ?? readIfExists('/usr/lib/os-release') ?? '');
  const features = probeFeatures(scratchDirectory);
  return {
    name: hostname(),
    kernelVersion: release(),
    architecture: machine(),
    operatingSystem: release_.get('PRETTY_NAME') ?? 'Linux',
    operatingSystemVersion: release_.get('VERSION_ID') ?? '',
    cpuCount: availableParallelism(),
    memoryBytes: totalmem(),
    memoryNodes: (readIfExists('/sys/devices/system/node/online') ?? '0').trim(),
    heldCapabilities: readBoundingCapabilities(),
    cgroups,
    limits: probeLimits(cgroups, features.sysResource),
    features,
    rlimits: parseRlimits(readIfExists('/proc/self/limits') ?? ''),
  };
}

function probeFeatures(scratchDirectory: string): Record<HostFeature, Capability> {
  const status = readIfExists('/proc/self/status') ?? '';
  const capabilities = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const hasSysResource = ((capabilities >> CAP_SYS_RESOURCE) & 1n) === 1n;
  const maxUserNamespaces = Number(readIfExists('/proc/sys/user/max_user_namespaces') ?? 0);
  const hasAppArmor = readIfExists('/sys/module/apparmor/parameters/enabled')?.startsWith('Y') === true;
  return {
    sysResource: capability(hasSysResource, 'CAP_SYS_RESOURCE is held', 'this process lacks CAP_SYS_RESOURCE'),
    seccomp: capability(/^Seccomp:/m.test(status), 'the kernel filters system calls', 'this kernel has no seccomp'),
    apparmor: capability(hasAppArmor, 'AppArmor is enabled', 'AppArmor is not enabled in this kernel'),
    selinux: capability(
      existsSync('/sys/fs/selinux/enforce'),
      'SELinux is enabled',
      'SELinux is not enabled in this kernel',
    ),
    overlay: capability(knowsFileSystem('overlay'), 'the kernel has overlayfs', 'this kernel has no overlayfs'),
    erofs: probeErofs(scratchDirectory),
    kvm: capability(canOpen('/dev/kvm'), '/dev/kvm can be opened', '/dev/kvm is not there or cannot be opened'),
    userNamespaces: capability(
      maxUserNamespaces > 0,
      'user namespaces are allowed',
      'user namespaces are not allowed here',
    ),
  };
}

function capability(available: boolean, why: string, whyNot: string): Capability {
  return { available, reason: available ? why : whyNot };
}

function canOpen(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** os-release(5): `NAME=value` lines, the value as a shell would read it. */
export function parseOsRelease(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/^([A-Z0-9_]+)=(?:"(.*)"|'(.*)'|(.*))$/gm)].map((match) => [
      match[1] ?? '',
      (match[2] ?? match[3] ?? match[4] ?? '').replaceAll(/\\(.)/g, '$1'),
    ]),
  );
}

const RLIMIT_NAMES: Readonly<Record<string, string>> = {
  'cpu time': 'cpu',
  'file size': 'fsize',
  'data size': 'data',
  'stack size': 'stack',
  'core file size': 'core',
  'resident set': 'rss',
  processes: 'nproc',
  'open files': 'nofile',
  'locked memory': 'memlock',
  'address space': 'as',
  'file locks': 'locks',
  'pending signals': 'sigpending',
  'msgqueue size': 'msgqueue',
  'nice priority': 'nice',
  'realtime priority': 'rtprio',
  'realtime timeout': 'rttime',
};

/** /proc/PID/limits: `Max open files            1024                 20000                files`. */
export function parseRlimits(text: string): ReadonlyMap<string, { readonly soft: number; readonly hard: number }> {
  const rows = [...text.matchAll(/^Max (.+?) {2,}(unlimited|\d+) +(unlimited|\d+)/gm)];
  const number = (word: string | undefined): number => (word === 'unlimited' ? Number.POSITIVE_INFINITY : Number(word));
  return new Map(
    rows.flatMap(([, title = '', soft, hard]) => {
      const name = RLIMIT_NAMES[title];
      return name === undefined ? [] : [[name, { soft: number(soft), hard: number(hard) }] as const];
    }),
  );
}
