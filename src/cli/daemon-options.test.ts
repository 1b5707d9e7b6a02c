import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { parseArgs } from './args/parse.ts';
import { ExitError } from './command.ts';
import { installDaemon, uninstallDaemon } from './daemon-install.ts';
import { parseListenAddress, printListenAddress } from './daemon-listen.ts';
import { DAEMON_FLAGS, printDaemonArgs, readDaemonOptions } from './daemon-options.ts';
import { printUnit } from './systemd-unit.ts';

const read = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  readDaemonOptions(parseArgs(args, DAEMON_FLAGS, { interspersed: true }).flags, env);

test('the options of a daemon come from the command line, then the environment, then the defaults', () => {
  assert.deepEqual(read([]), {
    listen: [{ kind: 'unix', path: '/run/gantry/gantry.sock' }],
    dataRoot: '/var/lib/gantry',
    execRoot: '/run/gantry',
    logLevel: 'info',
    pidfile: '/run/gantry/gantry.pid',
    socketMode: 0o660,
  });
  const env = { GANTRY_DATA_ROOT: '/d', GANTRY_EXEC_ROOT: '/e' };
  assert.equal(read(['--data-root=/other'], env).dataRoot, '/other');
  assert.deepEqual(read([], env).listen, [{ kind: 'unix', path: '/e/gantry.sock' }]);
});

test('printed options are read back as the same ones', () => {
  const options = read([
    '-H',
    'tcp://[::1]:1',
    '-Hunix:///a b',
    '--group=0',
    '--runtime=runc',
    '--cgroup-driver=systemd',
    '--bip=10.9.0.1/24',
    '--mtu=1400',
    '--icc=false',
    '--ip=127.0.0.1',
    '--default-address-pool=base=10.10.0.0/16,size=24',
    '--default-address-pool=base=fd00:1::/48,size=64',
    '--dns=1.1.1.1',
    '--dns-search=example.org',
    '--dns-opt=ndots:2',
    '--host-dns=127.0.0.99',
  ]);
  assert.deepEqual(options.defaultAddressPools?.[0], { base: '10.10.0.0/16', size: 24 });
  assert.deepEqual(read(printDaemonArgs(options), { GANTRY_DATA_ROOT: '/elsewhere' }), options);
});

test('network options that mean nothing are refused', () => {
  for (const option of [
    '--mtu=12',
    '--bip=10.0.0.1',
    '--ip=here',
    '--dns=x',
    '--host-dns=192.0.2.1',
    '--default-address-pool=base=10.0.0.0/16',
  ])
    assert.throws(() => read([option]), option);
});

test('listening addresses are read and printed; what is none, or open to the network, is refused', () => {
  for (const text of [
    'unix:///run/x.sock',
    'tcp://127.0.0.1:2375',
    'tcp://127.1.2.3:0',
    'tcp://[::1]:80',
    'tcp://localhost:9',
  ]) {
    assert.equal(printListenAddress(parseListenAddress(text)), text);
  }
  const refused = [
    'tcp://0.0.0.0:2375',
    'tcp://10.0.0.1:1',
    'tcp://[::]:1',
    'tcp://127.example.com:1',
    'tcp://h:99999',
    'unix://',
    '/run/x',
    'fd://',
  ];
  for (const text of [...refused, `unix:///${'x'.repeat(107)}`]) {
    assert.throws(
      () => parseListenAddress(text),
      (error) => isEngineError(error, 'invalid-argument'),
      text,
    );
  }
});

test('words of a unit keep their meaning: spaces, quotes, percent and dollar signs', () => {
  const unit = printUnit('/opt/my gantry/gantry', ['--data-root=/a%b', '--group=$x', '--runtime=a"b']);
  assert.match(
    unit,
    /^ExecStart="\/opt\/my gantry\/gantry" daemon --data-root=\/a%%b --group=\$\$x "--runtime=a\\"b"$/m,
  );
  assert.match(unit, /^KillMode=process$/m);
  assert.match(unit, /^Delegate=yes$/m);
});

test("the service is installed below a root, with Docker's socket linked only where nobody listens", async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'root-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const io = {
    ...process,
    stdout: { write: () => true },
    stderr: { write: () => true },
    env: {},
  } as unknown as typeof process;
  const install = () => installDaemon(['--root', root, '--link-docker-sock', '--data-root=/srv/g'], io);
  const link = join(root, 'run/docker.sock');

  mkdirSync(join(root, 'run'));
  const living = createServer().listen(link);
  await new Promise((resolve) => living.once('listening', resolve));
  await assert.rejects(install(), (error) => error instanceof ExitError && /somebody listens on/.test(error.message));
  await new Promise((resolve) => living.close(resolve));
  writeFileSync(link, 'a file of somebody');
  await assert.rejects(install(), /is no socket/);
  rmSync(link);

  assert.equal(await install(), 0);
  assert.equal(await install(), 0, 'again is no error');
  assert.equal(readlinkSync(link), '/run/gantry/gantry.sock');
  assert.match(readFileSync(join(root, 'etc/systemd/system/gantry.service'), 'utf8'), /--data-root=\/srv\/g/);
  assert.equal(await uninstallDaemon(['--root', root], io), 0);
  assert.throws(() => readlinkSync(link), { code: 'ENOENT' });
  assert.throws(() => readFileSync(join(root, 'etc/tmpfiles.d/gantry.conf')), { code: 'ENOENT' });
});
