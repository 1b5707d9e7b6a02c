import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newContainerId, parseImageId } from '#/base/ids.ts';
import type { HostFacts } from '#/linux/host.ts';
import type { ContainerConfig, ResourceLimits } from './config.ts';
import { fitToHost } from './limits.ts';
import { planCreate } from './plan-create.ts';
import { emptySpec } from './testing/spec.ts';

const yes = { available: true, reason: 'works' };
const KNOBS = [
  ...['memory', 'memoryReservation', 'memorySwap', 'memorySwappiness', 'kernelMemory', 'oomKillDisable', 'cpuset'],
  ...['oomScoreAdjBelowOwn', 'cpuShares', 'cpuQuota', 'cpuRealtime', 'pids', 'blkioWeight', 'blkioThrottle', 'hugetlb'],
];
const FEATURES = ['sysResource', 'seccomp', 'apparmor', 'selinux', 'overlay', 'erofs', 'kvm', 'userNamespaces'];
const all = (names: readonly string[]): unknown => Object.fromEntries(names.map((name) => [name, yes]));

/** A host that can do everything, with four processors and two memory nodes. */
const host = (over: Partial<HostFacts> = {}): HostFacts => ({
  name: 'host',
  kernelVersion: '6.18.0',
  architecture: 'x86_64',
  operatingSystem: 'Linux',
  operatingSystemVersion: '',
  cpuCount: 4,
  memoryBytes: 2 ** 34,
  memoryNodes: '0-1',
  heldCapabilities: 2n ** 41n - 1n,
  cgroups: { mode: 'v1', hierarchies: [], controllers: [], systemdOwned: false },
  limits: all(KNOBS) as HostFacts['limits'],
  features: all(FEATURES) as HostFacts['features'],
  rlimits: new Map(),
  ...over,
});

function config(resources: Partial<ResourceLimits>, over: Partial<ContainerConfig> = {}): ContainerConfig {
  const image = {
    imageId: parseImageId(`sha256:${'2'.repeat(64)}`),
    config: {
      architecture: 'amd64',
      os: 'linux',
      config: { Cmd: ['x'] },
      rootfs: { type: 'layers' as const, diff_ids: [] },
    },
    layers: [],
  };
  const plan = planCreate(newContainerId(), emptySpec('busybox'), image, 'host').config;
  return { ...plan, ...over, resources: { ...plan.resources, ...resources } };
}

const MB = 1024 * 1024;
const refused: readonly (readonly [Partial<ResourceLimits>, string])[] = [
  [{ memoryBytes: 5 * MB }, 'Minimum memory limit allowed is 6MB'],
  [{ memorySwapBytes: 32 * MB }, 'You should always set the Memory limit when using Memoryswap limit, see usage'],
  [{ nanoCpus: 5e9 }, 'range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available'],
  [{ nanoCpus: 1e6 }, 'range of CPUs is from 0.01 to 4.00, as there are only 4 CPUs available'],
  [{ nanoCpus: 1e9, cpuQuotaUs: 5000 }, 'Conflicting options: Nano CPUs and CPU Quota cannot both be set'],
  [{ cpuShares: -1 }, 'shares: invalid argument'],
  [{ cpuQuotaUs: 10 }, 'CPU cfs quota can not be less than 1ms (i.e. 1000)'],
  [{ cpusetCpus: '1-0' }, 'Invalid value 1-0 for cpuset cpus: invalid format: 1-0'],
  [{ cpusetCpus: '0,x' }, 'Invalid value 0,x for cpuset cpus: invalid format: 0,x'],
  [{ cpusetCpus: '0,4' }, 'Requested CPUs are not available - requested 0,4, available: 0-3'],
  [{ cpusetMems: '2' }, 'Requested memory nodes are not available - requested 2, available: 0-1'],
  [{ oomScoreAdj: 1001 }, 'Invalid value 1001, range for oom score adj is [-1000, 1000]'],
  [{ blkioWeight: 5 }, 'Range of blkio weight is from 10 to 1000'],
];

for (const [resources, message] of refused) {
  test(`the limit ${JSON.stringify(resources)} is refused`, () => {
    assert.throws(() => fitToHost(config(resources), host()), { kind: 'invalid-argument', message });
  });
}

test('only settings of the own namespaces are taken, with the texts of Docker', () => {
  const fit = (name: string, over: Partial<ContainerConfig> = {}): unknown =>
    fitToHost(config({}, { sysctls: { [name]: '1' }, ...over }), host());
  fit('net.ipv4.ip_forward');
  fit('kernel.msgmax');
  fit('fs.mqueue.msg_max');
  for (const name of ['kernel.panic', 'vm.swappiness', 'fs.file-max', 'net', 'kernel/panic', 'kernel.shmmax_x']) {
    assert.throws(() => fit(name), { message: `sysctl "${name}" is not in a separate kernel namespace` });
  }
  const { network, namespaces } = config({});
  assert.throws(() => fit('net.core.somaxconn', { network: { ...network, mode: { kind: 'host' } } }), {
    message: 'sysctl "net.core.somaxconn" not allowed in host network namespace',
  });
  assert.throws(() => fit('kernel.sem', { namespaces: { ...namespaces, ipc: { kind: 'host' } } }), {
    message: 'sysctl "kernel.sem" is not allowed in the hosts ipc namespace',
  });
});

test('what the host cannot enforce is left out with a warning that names it', () => {
  const limits = { ...host().limits, blkioWeight: { available: false, reason: 'no blkio.weight' } };
  const fitted = fitToHost(config({ blkioWeight: 500, cpuShares: 1 }), host({ limits }));
  assert.equal(fitted.config.resources.blkioWeight, undefined);
  assert.equal(fitted.config.resources.cpuShares, 2);
  assert.deepEqual(fitted.warnings, [
    'This host cannot enforce the block I/O weight (no blkio.weight). Limitation discarded.',
    'CPU shares 1 are outside 2 to 262144; 2 is used.',
  ]);
});

test('a capability that the engine does not hold is warned of, an OOM killer switched off without a limit too', () => {
  const security = { ...config({}).security, capAdd: ['sys_resource', 'CAP_NET_ADMIN', 'all'] };
  const heldCapabilities = 2n ** 41n - 1n - 2n ** 24n;
  assert.deepEqual(fitToHost(config({ oomKillDisable: true }, { security }), host({ heldCapabilities })).warnings, [
    'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    'This host cannot grant CAP_SYS_RESOURCE (the engine does not hold it itself). Capability discarded.',
  ]);
  const privileged = { ...security, privileged: true };
  assert.deepEqual(fitToHost(config({}, { security: privileged }), host({ heldCapabilities })).warnings, []);
});
