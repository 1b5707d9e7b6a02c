import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { busyboxLayer } from '../support/image.ts';
import type { TarEntry } from '../support/tar.ts';
import { statusField, useSubject } from './engine.ts';
import { systemCall } from './loader.ts';

inThrowawayHost();
const subject = useSubject();

/** What dockerd 20.10 and 28 give a container that asks for nothing. */
const DOCKER_DEFAULT = 0x00000000a80425fbn;
const NET_ADMIN = 1n << 12n;
const CHOWN = 1n;
const SYS_ADMIN = 1n << 21n;
/** What this test may hand on, and so the engine: nobody's container can have more. */
const held = BigInt(`0x${statusField('self', 'CapBnd')}`);

async function capabilitiesWith(...flags: string[]): Promise<Record<string, bigint>> {
  const text = await subject.prints(flags, 'grep', 'Cap', '/proc/self/status');
  return Object.fromEntries(
    [...text.matchAll(/^(Cap\w+):\s*([0-9a-f]+)/gm)].map(([, name, hex]) => [name, BigInt(`0x${hex}`)]),
  );
}

test('a container has exactly the default capabilities of Docker, and none that it inherits', async () => {
  assert.deepEqual(await capabilitiesWith(), {
    CapInh: 0n,
    CapPrm: DOCKER_DEFAULT,
    CapEff: DOCKER_DEFAULT,
    CapBnd: DOCKER_DEFAULT,
    CapAmb: 0n,
  });
});

const cases: readonly (readonly [readonly string[], bigint])[] = [
  [['--cap-drop', 'ALL'], 0n],
  [['--cap-drop', 'all', '--cap-add', 'chown'], CHOWN],
  [['--cap-add', 'NET_ADMIN', '--cap-drop', 'cap_chown'], (DOCKER_DEFAULT | NET_ADMIN) & ~CHOWN],
  [['--cap-add', 'CAP_SYS_ADMIN'], DOCKER_DEFAULT | SYS_ADMIN],
  [['--cap-add', 'ALL'], held],
  [['--cap-add', 'ALL', '--cap-drop', 'SYS_ADMIN'], held & ~SYS_ADMIN],
  [['--privileged'], held],
];
for (const [flags, expected] of cases) {
  test(`${flags.join(' ')} gives what it says`, async () => {
    const { CapEff, CapBnd, CapInh } = await capabilitiesWith(...flags);
    assert.deepEqual([CapEff, CapBnd, CapInh], [expected, expected, 0n]);
  });
}

test('a user other than root has no capability in effect, even privileged, and may gain only the bounding ones', async () => {
  const plain = await capabilitiesWith('-u', 'app', '--cap-add', 'NET_ADMIN');
  assert.deepEqual([plain.CapEff, plain.CapPrm, plain.CapBnd], [0n, 0n, DOCKER_DEFAULT | NET_ADMIN]);
  const privileged = await capabilitiesWith('-u', '1000', '--privileged');
  assert.deepEqual([privileged.CapEff, privileged.CapPrm, privileged.CapBnd], [0n, 0n, held]);
});

test('a capability that Linux does not have is refused, one that the engine lacks is warned of', async () => {
  assert.equal(await subject.refusal(['--cap-add', 'FOO'], 'true'), 'invalid CapAdd: unknown capability: "CAP_FOO"');
  assert.equal(await subject.refusal(['--cap-drop', 'FOO'], 'true'), 'invalid CapDrop: unknown capability: "CAP_FOO"');
  const isHeld = ((held >> 24n) & 1n) === 1n;
  const { stderr } = await subject.run(['--cap-add', 'SYS_RESOURCE'], 'true');
  assert.equal(/cannot grant CAP_SYS_RESOURCE/.test(stderr), !isHeld);
});

test('an exec has the capabilities of its container, a privileged one all', async () => {
  await subject.start('capable', ['--cap-add', 'NET_ADMIN']);
  const capEff = async (...flags: string[]): Promise<bigint> =>
    BigInt(
      `0x${(await subject.docker.ok(['exec', ...flags, 'capable', 'grep', 'CapEff', '/proc/self/status'])).slice(8)}`,
    );
  assert.equal(await capEff(), DOCKER_DEFAULT | NET_ADMIN);
  assert.equal(await capEff('-t'), DOCKER_DEFAULT | NET_ADMIN);
  assert.equal(await capEff('--privileged'), held);
  assert.equal(await capEff('-u', 'app', '--privileged'), 0n);
});

test('no-new-privileges is off unless asked for, and then also in execs', async () => {
  const inRun = (...flags: string[]) => subject.prints(flags, 'grep', 'NoNewPrivs', '/proc/self/status');
  assert.match(await inRun(), /0$/);
  assert.match(await inRun('--security-opt', 'no-new-privileges'), /1$/);
  assert.match(await inRun('--security-opt', 'no-new-privileges:false'), /0$/);
  await subject.start('nnp', ['--security-opt', 'no-new-privileges=true']);
  assert.match(await subject.docker.ok(['exec', 'nnp', 'grep', 'NoNewPrivs', '/proc/self/status']), /1$/);
});

/** What the default filter must refuse although the capability would be asked only later, or never. */
const FORBIDDEN = [
  ['unshare -U true', /unshare\(0x10000000\): Operation not permitted/],
  ['unshare -n true', /unshare\(0x40000000\): Operation not permitted/],
  ['mount -t tmpfs none /tmp', /permission denied/],
  ['mount -o remount,rw /sys', /permission denied/],
  ['swapoff /nothing', /Operation not permitted/],
  ['date -s 2020-01-01', /Operation not permitted/],
  ['dmesg', /Operation not permitted/],
  ['hostname other', /Operation not permitted/],
  ['reboot -f', /Operation not permitted/],
  ['ip link add type dummy', /Operation not permitted/],
] as const;

async function refusals(run: (script: string) => Promise<string>): Promise<void> {
  const said = await run(FORBIDDEN.map(([command]) => `${command} 2>&1 >/dev/null | head -1; echo --`).join('; '));
  const answers = said.split('--\n');
  for (const [index, [command, expected]] of FORBIDDEN.entries()) assert.match(answers[index] ?? '', expected, command);
}

test('the default filter refuses namespaces, mounts and all else that concerns the host; twice, as filters are kept', async () => {
  for (let time = 0; time < 2; time++) {
    await refusals((script) => subject.prints([], 'sh', '-c', `${script}; echo --`));
  }
  assert.match(await subject.prints([], 'grep', 'Seccomp:', '/proc/self/status'), /2$/);
});

test('the filter binds execs too, on a terminal and privileged', async () => {
  await subject.start('filtered', []);
  for (const flags of [[], ['-t'], ['--privileged']]) {
    const said = await subject.docker([
      'exec',
      ...flags,
      'filtered',
      'sh',
      '-c',
      'unshare -U true; grep Seccomp: /proc/self/status',
    ]);
    assert.match(said.stdout + said.stderr, /Seccomp:\s*2/);
    if (flags[0] !== '--privileged') assert.match(said.stdout + said.stderr, /Operation not permitted/);
  }
});

const [EPERM, ENOSYS] = [1, 38];
/** Numbers of x86-64. */
const CALLS: readonly (readonly [name: string, number: number, first: number, second: number, errno: number])[] = [
  ['getpid', 39, 0, 0, 0],
  ['socket(AF_INET)', 41, 2, 1, 0],
  ['socket(AF_VSOCK)', 41, 40, 1, EPERM],
  ['personality(query)', 135, 0xffffffff, 0, 0],
  ['personality(ADDR_NO_RANDOMIZE)', 135, 0x40000, 0, ENOSYS],
  ['pivot_root', 155, 0, 0, EPERM],
  ['add_key', 248, 0, 0, EPERM],
  ['keyctl', 250, 0, 0, EPERM],
  ['unshare(CLONE_NEWUSER)', 272, 0x10000000, 0, EPERM],
  ['perf_event_open', 298, 0, 0, EPERM],
  ['open_by_handle_at', 304, 0, 0, EPERM],
  ['setns', 308, 0, 0, EPERM],
  ['bpf', 321, 0, 0, EPERM],
  ['userfaultfd', 323, 0, 0, EPERM],
  ['io_uring_setup', 425, 0, 0, ENOSYS],
  ['fsopen', 430, 0, 0, EPERM],
  ['clone3', 435, 0, 0, ENOSYS],
];

test('every call that the default filter judges ends as it should', { skip: process.arch !== 'x64' }, async () => {
  const programs = CALLS.map(([, number, first, second], index): TarEntry => {
    return { name: `call${index}`, mode: 0o755, content: systemCall(number, first, second) };
  });
  await subject.load({
    layers: [[...busyboxLayer(), ...programs]],
    config: { Env: ['PATH=/bin'] },
    tags: ['calls:test'],
  });
  const script = CALLS.map((_, index) => `/call${index}; echo $?`).join('; ');
  const said = await subject.docker.ok(['run', '--rm', '--network', 'none', 'calls:test', 'sh', '-c', script]);
  assert.deepEqual(
    said.split('\n').map((errno, index) => [CALLS[index]?.[0], Number(errno)]),
    CALLS.map(([name, , , , errno]) => [name, errno]),
  );
});

test('with CAP_SYS_ADMIN the filter lets mounts and namespaces pass', async () => {
  assert.equal(
    await subject.prints(['--cap-add', 'SYS_ADMIN'], 'sh', '-c', 'mount -t tmpfs x /tmp && unshare -m echo yes'),
    'yes',
  );
});

test('seccomp=unconfined, a file and nonsense do what they say', async () => {
  const profile = (name: string, text: string): string => {
    const path = join(tmpdir(), name);
    writeFileSync(path, text);
    return `seccomp=${path}`;
  };
  const unconfined = ['--security-opt', 'seccomp=unconfined'];
  assert.match(await subject.prints(unconfined, 'grep', 'Seccomp:', '/proc/self/status'), /0$/);
  assert.equal(await subject.prints(unconfined, 'unshare', '-U', 'echo', 'yes'), 'yes');
  const noMkdir = {
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }],
  };
  const option = profile('no-mkdir.json', JSON.stringify(noMkdir));
  const { code, stderr } = await subject.run(['--security-opt', option], 'mkdir', '/x');
  assert.equal(code, 1);
  assert.match(stderr, /can't create directory '\/x': Operation not permitted/);
  assert.match(
    await subject.refusal(['--security-opt', profile('bad.json', '{')], 'true'),
    /ecoding seccomp profile failed|compacting json/,
  );
  assert.match(await subject.refusal(['--security-opt', profile('list.json', '[]')], 'true'), /seccomp profile/);
});

test('unknown security options are refused with the texts of Docker; AppArmor and SELinux are let be where the host has none', async () => {
  const refusal = (option: string) => subject.refusal(['--security-opt', option], 'true');
  assert.equal(await refusal('foo=bar'), 'invalid --security-opt 2: "foo=bar"');
  assert.equal(await refusal('no-new-privileges=maybe'), 'invalid --security-opt 2: "no-new-privileges=maybe"');
  assert.equal(await refusal('systempaths=some'), 'invalid --security-opt 2: "systempaths=some"');
  for (const option of ['apparmor=unconfined', 'label=disable', 'apparmor=some-profile']) {
    assert.equal(await subject.prints(['--security-opt', option], 'echo', 'ran'), 'ran');
  }
});

const existing = (names: readonly string[]): string[] =>
  names.filter((name) => {
    try {
      readFileSync(name);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code !== 'ENOENT';
    }
  });
const MASKED = existing([
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
]);
const READ_ONLY = existing(['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']);

test('what tells of the host is empty inside, and what changes it cannot be written', async () => {
  assert.ok(MASKED.length > 3 && READ_ONLY.length > 3);
  const sizes = await subject.prints(
    [],
    'sh',
    '-c',
    MASKED.map((path) => `(cat ${path} || ls -A ${path}) 2>/dev/null | wc -c`).join(';'),
  );
  assert.deepEqual([...new Set(sizes.split('\n'))], ['0']);
  const { stdout } = await subject.run([], 'sh', '-c', 'grep -E " /proc/[a-z-]* proc " /proc/mounts');
  for (const path of READ_ONLY) assert.match(stdout, new RegExp(` ${path} proc ro,`));
  const writes = await subject.run(
    [],
    'sh',
    '-c',
    'echo 1 > /proc/sys/kernel/panic; echo core > /proc/sys/kernel/core_pattern; mkdir /sys/fs/cgroup/pids/x; mkdir /sys/x',
  );
  assert.equal(writes.stderr.match(/Read-only file system/g)?.length, 4, writes.stderr);
});

test('systempaths=unconfined and --privileged lift masks', async () => {
  const masks = async (...flags: string[]): Promise<string> =>
    await subject.prints(
      flags,
      'sh',
      '-c',
      'grep -E " (/proc|/sys/firmware)" /proc/mounts | cut -d" " -f2 | tr "\\n" " "',
    );
  assert.equal(await masks('--security-opt', 'systempaths=unconfined'), '/proc');
  assert.equal(await masks('--privileged'), '/proc');
});

test('a privileged container has no filter, a writable /sys and cgroup tree of its own, and all devices', async () => {
  const script =
    'grep Seccomp: /proc/self/status; grep -E " /sys(/fs/cgroup/pids)? " /proc/mounts | cut -d" " -f4 | cut -c1-2 | sort -u; mkdir /sys/fs/cgroup/pids/mine && rmdir /sys/fs/cgroup/pids/mine && echo made; ls /dev';
  const [filter, access, made, ...devices] = (await subject.prints(['--privileged'], 'sh', '-c', script)).split('\n');
  assert.match(filter ?? '', /0$/);
  assert.deepEqual([access, made], ['rw', 'made']);
  assert.ok(devices.includes('kmsg') && devices.includes('loop-control'), devices.join(' '));
});
