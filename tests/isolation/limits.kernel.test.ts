import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, truncateSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { readLimit, statusField, useSubject, usesCgroupV1 } from './engine.ts';

inThrowawayHost();
const subject = useSubject();

const v1 = { skip: usesCgroupV1() ? false : 'reads the files of control groups v1' };
const MB = 1024 * 1024;
const UNLIMITED = '9223372036854771712';

let count = 0;
/** A running container with these flags, as its control files tell from outside. */
async function limited(...flags: string[]) {
  const pid = await subject.start(`limited${count++}`, flags);
  return { pid, limit: (controller: string, file: string) => readLimit(pid, controller, file) };
}

test('memory limits are those of the control group', v1, async () => {
  const { limit } = await limited(
    '-m',
    '64m',
    '--memory-swap',
    '100m',
    '--memory-reservation',
    '32m',
    '--memory-swappiness',
    '10',
  );
  const files = [
    'memory.limit_in_bytes',
    'memory.memsw.limit_in_bytes',
    'memory.soft_limit_in_bytes',
    'memory.swappiness',
  ];
  assert.deepEqual(
    files.map((file) => limit('memory', file)),
    [64 * MB, 100 * MB, 32 * MB, 10].map(String),
  );
  const alone = await limited('-m', '64m');
  assert.equal(alone.limit('memory', 'memory.memsw.limit_in_bytes'), String(128 * MB));
  const noSwapLimit = await limited('-m', '64m', '--memory-swap', '-1');
  assert.equal(noSwapLimit.limit('memory', 'memory.memsw.limit_in_bytes'), UNLIMITED);
});

test('who takes more memory than the limit is killed, and that is what is reported', v1, async () => {
  const flags = ['run', '--name', 'hungry', '--network', 'none', '-m', '16m', '--memory-swap', '16m', 'busybox:test'];
  const { code } = await subject.docker([...flags, 'sh', '-c', 'x=x; while true; do x=$x$x; done']);
  assert.equal(code, 137);
  assert.equal(
    await subject.docker.ok(['inspect', '-f', '{{.State.OOMKilled}} {{.State.ExitCode}}', 'hungry']),
    'true 137',
  );
});

test('CPU limits are those of the control group', v1, async () => {
  const half = await limited('--cpus', '0.5', '--cpuset-cpus', '0', '--cpuset-mems', '0');
  assert.deepEqual(
    [half.limit('cpu', 'cpu.cfs_quota_us'), half.limit('cpu', 'cpu.cfs_period_us')],
    ['50000', '100000'],
  );
  assert.deepEqual([half.limit('cpuset', 'cpuset.cpus'), half.limit('cpuset', 'cpuset.mems')], ['0', '0']);
  assert.equal(statusField(half.pid, 'Cpus_allowed_list'), '0');
  const knobs = await limited('--cpu-quota', '20000', '--cpu-period', '40000', '--cpu-shares', '512');
  const files = ['cpu.cfs_quota_us', 'cpu.cfs_period_us', 'cpu.shares'];
  assert.deepEqual(
    files.map((file) => knobs.limit('cpu', file)),
    ['20000', '40000', '512'],
  );
  assert.equal((await limited('--cpu-quota', '-1')).limit('cpu', 'cpu.cfs_quota_us'), '-1');
});

test('--cpus 0.2 leaves a busy loop a fifth of a processor', v1, async () => {
  const { limit } = await limited('--cpus', '0.2');
  const name = `limited${count - 1}`;
  await subject.docker(['exec', name, 'timeout', '1', 'sh', '-c', 'while :; do :; done']);
  const usedMs = Number(limit('cpuacct', 'cpuacct.usage')) / 1e6;
  assert.ok(usedMs > 50 && usedMs < 450, `${usedMs} ms of a second`);
  assert.match(limit('cpu', 'cpu.stat'), /nr_throttled [1-9]/);
});

test('a fork bomb stops at the PIDs limit, and the daemon answers meanwhile', v1, async () => {
  const { pid, limit } = await limited('--pids-limit', '20');
  const name = `limited${count - 1}`;
  assert.equal(limit('pids', 'pids.max'), '20');
  const bomb = subject.docker(['exec', name, 'timeout', '2', 'sh', '-c', 'b() { b | b & }; b; sleep 1']);
  assert.equal((await subject.daemon.api('GET', '/_ping')).status, 200);
  const { stdout, stderr } = await bomb;
  assert.match(stdout + stderr, /can't fork|Resource temporarily unavailable/);
  assert.ok(Number(limit('pids', 'pids.current')) <= 20);
  await subject.docker.ok(['rm', '-f', name]);
  assert.ok(!existsSync(`/proc/${pid}`));
  assert.equal((await limited('--pids-limit', '-1')).limit('pids', 'pids.max'), 'max');
});

test(
  'device throttles are those of the control group, and hold back what reads from the device',
  v1,
  async (context: TestContext) => {
    const file = join(tmpdir(), 'throttled');
    closeSync(openSync(file, 'w'));
    truncateSync(file, 8 * MB);
    const device = execFileSync('losetup', ['--show', '-f', file], { encoding: 'utf8' }).trim();
    context.after(() => execFileSync('losetup', ['-d', device]));
    const number = execFileSync('lsblk', ['-dno', 'MAJ:MIN', device], { encoding: 'utf8' }).trim();
    const { limit } = await limited(
      ...['--device-read-bps', `${device}:1mb`, '--device-write-bps', `${device}:2mb`],
      ...['--device-read-iops', `${device}:30`, '--device-write-iops', `${device}:40`, '--device', device],
    );
    const throttle = (kind: string): string => limit('blkio', `blkio.throttle.${kind}_device`);
    assert.deepEqual(
      ['read_bps', 'write_bps', 'read_iops', 'write_iops'].map(throttle),
      [1 * MB, 2 * MB, 30, 40].map((rate) => `${number} ${rate}`),
    );
    const started = performance.now();
    await subject.docker.ok([
      'exec',
      `limited${count - 1}`,
      'dd',
      `if=${device}`,
      'of=/dev/null',
      'bs=256k',
      'count=6',
      'iflag=direct',
    ]);
    const ms = performance.now() - started;
    assert.ok(ms > 900, `1.5 MB at 1 MB a second took ${ms} ms`);
  },
);

test(
  'the OOM score and the killer switch are set; what needs CAP_SYS_RESOURCE is warned of where it lacks',
  v1,
  async () => {
    const { pid } = await limited('--oom-score-adj', '500');
    assert.equal(readFileSync(`/proc/${pid}/oom_score_adj`, 'utf8').trim(), '500');
    for (const flags of [[], ['-t']]) {
      const name = `limited${count - 1}`;
      const score = await subject.docker.ok(['exec', ...flags, name, 'cat', '/proc/self/oom_score_adj']);
      assert.equal(score.trim(), '500', flags.join(' '));
    }
    const off = await subject.run(['--oom-kill-disable'], 'cat', '/sys/fs/cgroup/memory/memory.oom_control');
    assert.match(off.stdout, /oom_kill_disable 1/);
    assert.match(off.stderr, /OOM killer is disabled for the container, but no memory limit is set/);
    const isHeld = ((BigInt(`0x${statusField('self', 'CapEff')}`) >> 24n) & 1n) === 1n;
    const lower = await subject.run(['--oom-score-adj', '-500'], 'cat', '/proc/self/oom_score_adj');
    assert.equal(lower.stdout.trim(), isHeld ? '-500' : '0');
    assert.equal(/WARNING: This host cannot lower the OOM score to -500/.test(lower.stderr), !isHeld);
  },
);

test('knobs that this kernel does not have are discarded with a warning that names them', v1, async () => {
  const weighs = existsSync('/sys/fs/cgroup/blkio/blkio.weight');
  const weight = await subject.run(['--blkio-weight', '500', '--blkio-weight-device', '/dev/nothing:300'], 'true');
  if (!weighs) {
    assert.equal(weight.code, 0);
    assert.match(weight.stderr, /cannot enforce the block I\/O weight \(/);
    assert.match(weight.stderr, /cannot enforce the block I\/O weight of a device \(/);
  }
  const realtime = await subject.run(['--cpu-rt-runtime', '1000'], 'true');
  assert.ok(realtime.code === 0 && /real-time runtime/.test(realtime.stderr), realtime.stderr);
  const HostConfig = { KernelMemory: 64 * MB };
  const { status, body } = await subject.daemon.api('POST', '/v1.41/containers/create', {
    Image: 'busybox:test',
    HostConfig,
  });
  assert.equal(status, 201);
  const [warning = ''] = (body as { Warnings: string[] }).Warnings;
  assert.match(warning, /kernel memory limit/);
});

test('ulimits are set in run and exec, and lowered with a warning to what the host allows', async () => {
  const flags = ['--ulimit', 'nofile=100:200', '--ulimit', 'core=0', '--ulimit', 'nproc=50'];
  const { pid } = await limited(...flags);
  const limits = readFileSync(`/proc/${pid}/limits`, 'utf8');
  assert.match(limits, /Max open files +100 +200/);
  assert.match(limits, /Max core file size +0 +0/);
  assert.match(limits, /Max processes +50 +50/);
  for (const terminal of [[], ['-t']]) {
    const inExec = await subject.docker.ok([
      'exec',
      ...terminal,
      `limited${count - 1}`,
      'grep',
      'files',
      '/proc/self/limits',
    ]);
    assert.match(inExec, /Max open files +100 +200/);
  }
  assert.match(
    await subject.prints(['--ulimit', 'core=-1'], 'grep', 'core', '/proc/self/limits'),
    /unlimited +unlimited/,
  );
  const hard = Number(/Max open files +\d+ +(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
  const isHeld = ((BigInt(`0x${statusField('self', 'CapEff')}`) >> 24n) & 1n) === 1n;
  const raised = await subject.run(['--ulimit', `nofile=${hard + 1}`], 'sh', '-c', 'ulimit -n');
  assert.equal(raised.stdout.trim(), String(isHeld ? hard + 1 : hard));
  assert.equal(raised.stderr.includes(`cannot raise ulimit nofile to ${hard + 1}:${hard + 1}`), !isHeld);
});

test("settings of a container's namespaces are set, those of the host cannot be", async () => {
  const flags = [
    'kernel.msgmax=5000',
    'net.ipv4.ip_forward=1',
    'net.ipv4.ping_group_range=0 7',
    'fs.mqueue.msg_max=20',
  ];
  const files = ['kernel/msgmax', 'net/ipv4/ip_forward', 'fs/mqueue/msg_max'].map((name) => `/proc/sys/${name}`);
  const before = files.map((name) => readFileSync(name, 'utf8'));
  assert.equal(
    await subject.prints(
      flags.flatMap((flag) => ['--sysctl', flag]),
      'cat',
      ...files,
    ),
    '5000\n1\n20',
  );
  assert.deepEqual(
    files.map((name) => readFileSync(name, 'utf8')),
    before,
  );
  const refused = async (name: string, HostConfig: object = {}) => {
    const body = { Image: 'busybox:test', HostConfig: { Sysctls: { [name]: '1' }, ...HostConfig } };
    const { status, text } = await subject.daemon.api('POST', '/containers/create', body);
    assert.equal(status, 400, name);
    return (JSON.parse(text) as { message: string }).message;
  };
  for (const name of ['kernel.panic', 'vm.swappiness', 'fs.file-max', 'net/../kernel/panic', 'kernel.core_pattern']) {
    assert.equal(await refused(name), `sysctl "${name}" is not in a separate kernel namespace`);
  }
  assert.match(await refused('net.core.somaxconn', { NetworkMode: 'host' }), /not allowed in host network namespace/);
  assert.match(await refused('kernel.sem', { IpcMode: 'host' }), /not allowed in the hosts ipc namespace/);
});

test(
  '--cgroup-parent is where the group is made, however it is written, and the group goes with the container',
  v1,
  async () => {
    for (const [written, path] of [
      ['/some/parent', '/some/parent'],
      ['plain', '/plain'],
      ['../../../up', '/up'],
    ] as const) {
      const { pid } = await limited('--cgroup-parent', written);
      const name = `limited${count - 1}`;
      const group =
        readFileSync(`/proc/${pid}/cgroup`, 'utf8')
          .split('\n')
          .find((line) => line.includes(':pids:')) ?? '';
      const id = await subject.docker.ok(['inspect', '-f', '{{.Id}}', name]);
      assert.equal(group.split(':')[2], `${path}/${id}`);
      await subject.docker.ok(['rm', '-f', name]);
      assert.ok(!existsSync(`/sys/fs/cgroup/pids${path}/${id}`));
    }
  },
);

test('low ports and ping are free to everybody in a network of its own, unless asked otherwise', async () => {
  const files = ['ip_unprivileged_port_start', 'ping_group_range'].map((name) => `/proc/sys/net/ipv4/${name}`);
  assert.equal(await subject.prints(['-u', 'app'], 'cat', ...files), '0\n0\t2147483647');
  const sysctl = ['--sysctl', 'net.ipv4.ip_unprivileged_port_start=500'];
  assert.equal(await subject.prints(sysctl, 'cat', ...files), '500\n0\t2147483647');
  const listen = 'nc -l -p 80 & sleep 0.2; kill $! && echo listened';
  assert.equal(await subject.prints(['-u', 'app'], 'sh', '-c', listen), 'listened');
  const shared = await subject.docker.ok(['run', '--rm', '--network', 'host', 'busybox:test', 'cat', ...files]);
  assert.equal(
    shared,
    files
      .map((name) => readFileSync(name, 'utf8'))
      .join('')
      .trim(),
  );
});

const CPUS = availableParallelism();
const REFUSED: readonly (readonly [readonly string[], string])[] = [
  [['-m', '5m'], 'Minimum memory limit allowed is 6MB'],
  [['-m', '64m', '--memory-swap', '32m'], 'Minimum memoryswap limit should be larger than memory limit, see usage'],
  [['--memory-swap', '32m'], 'You should always set the Memory limit when using Memoryswap limit, see usage'],
  [
    ['-m', '16m', '--memory-reservation', '32m'],
    'Minimum memory limit can not be less than memory reservation limit, see usage',
  ],
  [['--cpus', String(CPUS + 1)], `range of CPUs is from 0.01 to ${CPUS}.00, as there are only ${CPUS} CPUs available`],
  [['--cpus', '1', '--cpu-quota', '50000'], 'Conflicting options: Nano CPUs and CPU Quota cannot both be set'],
  [['--cpu-period', '10'], 'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)'],
  [['--cpu-quota', '10'], 'CPU cfs quota can not be less than 1ms (i.e. 1000)'],
  [['-c', '-1'], 'shares: invalid argument'],
  [['--cpuset-cpus', '1-0'], 'Invalid value 1-0 for cpuset cpus: invalid format: 1-0'],
  [
    ['--cpuset-cpus', '999'],
    `Requested CPUs are not available - requested 999, available: ${CPUS === 1 ? '0' : `0-${CPUS - 1}`}`,
  ],
  [['--oom-score-adj', '1001'], 'Invalid value 1001, range for oom score adj is [-1000, 1000]'],
  [['--blkio-weight', '5'], 'Range of blkio weight is from 10 to 1000'],
];

test('limits that make no sense are refused with the texts of Docker', async () => {
  for (const [flags, message] of REFUSED) assert.equal(await subject.refusal(flags, 'true'), message, flags.join(' '));
});
