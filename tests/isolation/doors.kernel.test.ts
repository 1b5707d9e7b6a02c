import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../support/command.ts';
import { startDaemon } from '../support/daemon.ts';
import { inThrowawayHost } from '../support/host.ts';
import { messageIn, useSubject } from './engine.ts';

inThrowawayHost();
const subject = useSubject();

const modeOf = (path: string): string => (statSync(path).mode & 0o7777).toString(8);
const listTree = (directory: string): string[] =>
  execFileSync('find', [directory, '-xdev', '-mindepth', '1', '-printf', '%y %m %p\n'], { encoding: 'utf8' })
    .trim()
    .split('\n');

test('nobody but root enters the data root, the containers or their logs (CVE-2021-41091)', async () => {
  await subject.start('secret', ['-e', 'PASSWORD=hunter2', '-l', 'token=x']);
  await subject.docker.ok(['exec', 'secret', 'sh', '-c', 'echo logged > /proc/1/fd/1']);
  const { dataRoot, execRoot } = subject.daemon;
  assert.match(modeOf(dataRoot), /^7[01]0$/);
  for (const name of ['containers', 'roots', 'content', 'layers']) {
    const path = join(dataRoot, name);
    assert.match(modeOf(path), /^7[01][01]$/, path);
  }
  for (const name of ['gantry.db', 'gantry.db-wal']) assert.equal(modeOf(join(dataRoot, name)), '600', name);
  const asNobody = (...command: string[]) =>
    runCommand(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', ...command]);
  for (const path of [dataRoot, join(dataRoot, 'containers'), join(dataRoot, 'gantry.db'), join(dataRoot, 'roots')]) {
    const { code } = await asNobody('ls', path);
    assert.notEqual(code, 0, path);
  }
  const [container = ''] = readdirSync(join(execRoot, 'c'));
  const config = join(execRoot, 'c', container, 'config.json');
  assert.match(modeOf(config), /^6[04]0$/);
  for (const path of [config, join(execRoot, 'c', container, 'attach'), join(execRoot, 'c', container, 'ctl')]) {
    assert.notEqual((await asNobody('cat', path)).code, 0, path);
  }
  const open = listTree(dataRoot).filter(
    (line) => /^[fd] \d?\d\d[2367] /.test(line) && !/\/(upper|work|unpacked)\//.test(line),
  );
  assert.deepEqual(open, [], 'writable by everybody');
});

/** As nobody in particular, who is in one group alone. */
const pingAsGroup = (gid: string, socketPath: string) =>
  runCommand([
    ...['setpriv', '--reuid', '65534', '--regid', gid, '--clear-groups'],
    ...['curl', '-sS', '--max-time', '5', '--unix-socket', socketPath, 'http://x/_ping'],
  ]);

test('the socket belongs to root and a group, and others cannot connect', async () => {
  const { socketPath } = subject.daemon;
  assert.equal(modeOf(socketPath), '660');
  assert.notEqual((await pingAsGroup('65534', socketPath)).code, 0);
});

test('--group lets its members in and nobody else', async (context) => {
  const daemon = await startDaemon(context, {
    args: ['--bridge', 'doors0', '--group', '4242', '-H', `unix://${join('/run', 'grouped.sock')}`],
  });
  const ping = async (gid: string) => (await pingAsGroup(gid, '/run/grouped.sock')).stdout;
  assert.equal(await ping('4242'), 'OK');
  assert.equal(await ping('4243'), '');
  assert.equal(await daemon.stop(), 0);
});

const PORT = 23_750;
function callTcp(path: string, headers: Readonly<Record<string, string>>, method = 'GET'): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: '127.0.0.1', port: PORT, path, method, headers, setHost: false, timeout: 5000 },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

test('over TCP only loopback names are answered, and no page of a browser (DNS rebinding, cross-site requests)', async (context) => {
  await startDaemon(context, { args: ['--bridge', 'doors0', '-H', `tcp://127.0.0.1:${PORT}`] });
  const own = `127.0.0.1:${PORT}`;
  assert.equal(await callTcp('/_ping', { host: own }), 200);
  assert.equal(await callTcp('/_ping', { host: `localhost:${PORT}` }), 200);
  for (const host of [
    'evil.example',
    `evil.example:${PORT}`,
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '',
    'localhost@evil.example',
  ]) {
    assert.ok([400, 403].includes(await callTcp('/_ping', { host })), host);
  }
  for (const origin of [
    'http://evil.example',
    'null',
    'https://127.0.0.1',
    `http://localhost:${PORT}`,
    'garbage',
    'file://',
  ]) {
    assert.equal(await callTcp('/info', { host: own, origin }), 403, origin);
    assert.equal(await callTcp('/containers/x/attach?stream=1', { host: own, origin }, 'POST'), 403, origin);
    assert.equal(
      await callTcp('/containers/x/attach', { host: own, origin, connection: 'Upgrade', upgrade: 'tcp' }, 'POST'),
      403,
      origin,
    );
  }
  assert.equal(
    await callTcp('/containers/create', { host: own, 'content-type': 'text/plain', 'content-length': '0' }, 'POST'),
    400,
  );
  const listeners = execFileSync('ss', ['-ltnH', `sport = :${PORT}`], { encoding: 'utf8' });
  assert.match(listeners, /127\.0\.0\.1:23750/);
  assert.doesNotMatch(listeners, /0\.0\.0\.0:23750|\*:23750/);
});

test('a daemon refuses to listen beyond loopback, where it would need TLS', async () => {
  const launcher = fileURLToPath(new URL('../../gantry', import.meta.url));
  for (const host of [
    'tcp://0.0.0.0:23751',
    'tcp://[::]:23751',
    'tcp://10.1.2.3:23751',
    'tcp://127.0.0.1.example:23751',
    'tcp://:23751',
  ]) {
    const child = spawn(
      launcher,
      ['daemon', '-H', host, '--data-root', join(tmpdir(), 'no'), '--exec-root', join(tmpdir(), 'no-run')],
      { stdio: 'pipe' },
    );
    const [code, said] = await new Promise<[number, string]>((resolve) => {
      let text = '';
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      child.stderr.on('data', (chunk) => {
        text += String(chunk);
      });
      child.on('close', (exitCode) => {
        clearTimeout(timer);
        resolve([exitCode ?? -1, text]);
      });
    });
    assert.ok(code > 0, `${host} was accepted`);
    assert.match(said, /TLS|expected/, host);
  }
});

test('values with line breaks stay values: no file, log or list gets a line of its own from them', async () => {
  const value = 'one\ntwo=2\n\u001b[31mred';
  assert.equal(
    await subject.prints(['-e', `A=${value}`], 'sh', '-c', 'printf %s "$A"; env | grep -c ^two= || true'),
    `${value}1`,
  );
  await subject.docker.ok([
    'run',
    '-d',
    '--name',
    'values',
    '--network',
    'none',
    '-e',
    `A=${value}`,
    '-l',
    `l=${value}`,
    'busybox:test',
    'sleep',
    '60',
  ]);
  const environment = JSON.parse(
    await subject.docker.ok(['inspect', '-f', '{{json .Config.Env}}', 'values']),
  ) as string[];
  assert.deepEqual(
    environment.filter((entry) => entry.startsWith('A=')),
    [`A=${value}`],
  );
  assert.equal(
    environment.some((entry) => entry.startsWith('two=')),
    false,
  );
  const lines = subject.daemon.log().split('\n').filter(Boolean);
  for (const line of lines) assert.match(line, /^[{\x20-\x7e]/);
  assert.equal(subject.daemon.log().includes('\u001b['), false, 'escape sequences in the log of the daemon');
});

test('names with escapes or paths are refused, host names with control characters too', async () => {
  for (const name of ['a\u001b[31m', '../up', 'a/b', 'a b', '-a', '.a', 'a\nb', '']) {
    const answer = await subject.daemon.api('POST', `/containers/create?name=${encodeURIComponent(name)}`, {
      Image: 'busybox:test',
    });
    if (name === '') assert.equal(answer.status, 201);
    else assert.equal(answer.status, 400, JSON.stringify(name));
  }
  for (const hostname of ['a\nb', 'a\u001bb', 'x'.repeat(65)]) {
    assert.match(await subject.refusal(['-h', hostname], 'true'), /invalid (value|hostname)/);
  }
  const refused = async (HostConfig: object) =>
    (await subject.daemon.api('POST', '/containers/create', { Image: 'busybox:test', HostConfig })).status;
  assert.equal(await refused({ Dns: ['1.2.3.4\nnameserver 6.6.6.6'] }), 400);
  assert.equal(await refused({ DnsSearch: ['a\nb'] }), 400);
  assert.equal(await refused({ ExtraHosts: ['a:1.2.3.4\n6.6.6.6 bank'] }), 400);
  assert.equal(await refused({ Annotations: { 'run.oci.hooks.stdout': '/etc/passwd' } }), 400);
});

test('the host name is set inside alone, and found in its files', async () => {
  const seen = await subject.prints(
    ['-h', 'web', '--domainname', 'example.org'],
    'sh',
    '-c',
    'hostname; cat /proc/sys/kernel/domainname /etc/hostname',
  );
  assert.equal(seen, 'web\nexample.org\nweb');
  assert.equal(execFileSync('hostname', { encoding: 'utf8' }).trim(), 'gantry-test');
  const { stderr, code } = await subject.docker([
    'run',
    '--rm',
    '--network',
    'none',
    '--uts',
    'host',
    '-h',
    'other',
    'busybox:test',
    'hostname',
  ]);
  assert.notEqual(code, 0);
  assert.match(messageIn(stderr), /conflicting options: hostname and the UTS mode/);
});
