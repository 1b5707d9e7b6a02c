import { EngineError } from '#/base/errors.ts';
import type { OciCapabilities } from '#/spec/oci/runtime.ts';

/** All of Linux, in the order of their numbers: https://man7.org/linux/man-pages/man7/capabilities.7.html */
export const ALL_CAPABILITIES: readonly string[] = (
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE ' +
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN ' +
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE ' +
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
)
  .split(' ')
  .map((name) => `CAP_${name}`);

/** What Docker gives a container that asks for nothing. */
export const DEFAULT_CAPABILITIES: readonly string[] =
  'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE'
    .split(' ')
    .map((name) => `CAP_${name}`);

const EVERY = 'ALL';

export interface CapabilityRequest {
  /** As a user writes them: any case, with or without `CAP_`, `ALL` for all. */
  readonly add: readonly string[];
  readonly drop: readonly string[];
  readonly privileged: boolean;
}

/** The capabilities that a request comes to. Throws invalid-argument with Docker's text for a name that Linux does not have. */
export function resolveCapabilities({ add, drop, privileged }: CapabilityRequest): {
  readonly capabilities: readonly string[];
} {
  const added = normalize(add, 'CapAdd');
  const dropped = normalize(drop, 'CapDrop');
  if (privileged) return { capabilities: ALL_CAPABILITIES };
  if (added.includes(EVERY)) return { capabilities: ALL_CAPABILITIES.filter((name) => !dropped.includes(name)) };
  if (dropped.includes(EVERY)) return { capabilities: unique(added) };
  const kept = DEFAULT_CAPABILITIES.filter((name) => !dropped.includes(name));
  return { capabilities: unique([...kept, ...added]) };
}

function normalize(names: readonly string[], field: 'CapAdd' | 'CapDrop'): readonly string[] {
  return names.map((text) => {
    const upper = text.toUpperCase();
    if (upper === EVERY) return EVERY;
    const name = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    if (ALL_CAPABILITIES.includes(name)) return name;
    throw new EngineError('invalid-argument', `invalid ${field}: unknown capability: ${JSON.stringify(name)}`);
  });
}

const unique = (names: readonly string[]): readonly string[] => [...new Set(names)];

/** The names in a mask in which bit n is capability n. */
export function capabilitiesOfMask(mask: bigint): ReadonlySet<string> {
  return new Set(ALL_CAPABILITIES.filter((_, bit) => ((mask >> BigInt(bit)) & 1n) === 1n));
}

/** Those of the wanted capabilities that the engine itself holds and so can hand on; runtimes refuse a set with any other. */
export function clampCapabilities(wanted: OciCapabilities, held: ReadonlySet<string>): OciCapabilities {
  const keep = (names: readonly string[]): readonly string[] => names.filter((name) => held.has(name));
  return {
    bounding: keep(wanted.bounding),
    effective: keep(wanted.effective),
    permitted: keep(wanted.permitted),
    ...(wanted.inheritable === undefined ? {} : { inheritable: keep(wanted.inheritable) }),
    ...(wanted.ambient === undefined ? {} : { ambient: keep(wanted.ambient) }),
  };
}
