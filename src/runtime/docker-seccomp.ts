import type { OciSeccomp, OciSeccompRule } from '#/spec/oci/runtime.ts';
import type { SeccompSubject } from './seccomp.ts';

const words = (text: string): readonly string[] => text.split(' ');

/**
 * Calls that Docker lets through only with one of some capabilities, and distributions' profiles (made for Podman, whose
 * containers may make namespaces) to everybody: https://docs.docker.com/engine/security/seccomp/
 */
const NEEDS: readonly (readonly [calls: readonly string[], capabilities: readonly string[]])[] = [
  [
    words(
      'fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree pivot_root quotactl quotactl_fd setns umount umount2 unshare',
    ),
    ['CAP_SYS_ADMIN'],
  ],
  [['syslog'], ['CAP_SYS_ADMIN', 'CAP_SYSLOG']],
  [['bpf'], ['CAP_SYS_ADMIN', 'CAP_BPF']],
  [['perf_event_open'], ['CAP_SYS_ADMIN', 'CAP_PERFMON']],
  [['reboot'], ['CAP_SYS_BOOT']],
  [words('get_mempolicy mbind set_mempolicy set_mempolicy_home_node'), ['CAP_SYS_NICE']],
  [['pidfd_getfd'], ['CAP_SYS_PTRACE']],
];

/** Keyrings are not namespaced: Docker lets nobody use them. */
const NEVER = words('add_key keyctl request_key');

/** Calls without any privilege that Docker allows and profiles of 2023 do not know. */
const ALWAYS = words(
  'cachestat fchmodat2 futex_requeue futex_wait futex_waitv futex_wake io_pgetevents io_pgetevents_time64 map_shadow_stack mseal vmsplice',
);

const EPERM = 1;
const ENOSYS = 38;
/** CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET */
const CLONE_NAMESPACES = 0x7e020000;

/** Sockets to the hypervisor know no namespaces: from inside a container they reach whatever the host's do. */
const AF_VSOCK = 40;
const familyIs = (op: string): NonNullable<OciSeccompRule['args']> => [{ index: 0, value: AF_VSOCK, valueTwo: 0, op }];
const NAMESPACED_SOCKETS: readonly OciSeccompRule[] = [
  { names: ['socket'], action: 'SCMP_ACT_ALLOW', args: familyIs('SCMP_CMP_NE') },
  { names: ['socket'], action: 'SCMP_ACT_ERRNO', errnoRet: EPERM, args: familyIs('SCMP_CMP_EQ') },
];

/**
 * The default profile, resolved for a container, made as strict as Docker's own: without CAP_SYS_ADMIN no mounts and no
 * namespaces, since user namespaces lead to most of the kernel's holes; what it refuses is EPERM.
 */
export function tightenToDocker(filter: OciSeccomp, subject: SeccompSubject): OciSeccomp {
  const holds = (names: readonly string[]): boolean => names.some((name) => subject.capabilities.includes(name));
  const allowed = new Set([...ALWAYS, ...NEEDS.flatMap(([calls, needed]) => (holds(needed) ? calls : []))]);
  const refused = new Set([...NEVER, ...NEEDS.flatMap(([calls, needed]) => (holds(needed) ? [] : calls))]);
  const makesNamespaces = holds(['CAP_SYS_ADMIN']);
  const settled = new Set([...allowed, ...refused, 'socket', ...(makesNamespaces ? [] : ['clone', 'clone3'])]);
  const kept = (filter.syscalls ?? [])
    .map((rule) => ({ ...rule, names: rule.names.filter((name) => !settled.has(name)) }))
    .filter(({ names }) => names.length > 0);
  return {
    ...filter,
    syscalls: [
      ...kept,
      { names: [...allowed], action: 'SCMP_ACT_ALLOW' },
      { names: [...refused], action: 'SCMP_ACT_ERRNO', errnoRet: EPERM },
      ...NAMESPACED_SOCKETS,
      ...(makesNamespaces ? [] : plainClone(subject.architecture)),
    ],
  };
}

/** clone3's flags lie in memory, out of a filter's reach: ENOSYS sends libraries back to clone. */
function plainClone(architecture: string): readonly OciSeccompRule[] {
  const index = architecture === 's390x' ? 1 : 0;
  const args = [{ index, value: CLONE_NAMESPACES, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }];
  return [
    { names: ['clone'], action: 'SCMP_ACT_ALLOW', args },
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
  ];
}
