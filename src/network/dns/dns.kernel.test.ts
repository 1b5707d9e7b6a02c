import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { poll } from '#/base/delay.ts';
import { type ContainerId, newContainerId } from '#/base/ids.ts';
import { type Logger, silentLogger } from '#/base/log.ts';
import { LOOPBACK_INDEX, raiseLink } from '#/linux/link.ts';
import { openNetlink } from '#/linux/netlink-socket.ts';
import { createNetns, removeNetns } from '#/linux/netns.ts';
import { runCommand } from '../../../tests/support/command.ts';
import { inThrowawayHost } from '../../../tests/support/host.ts';
import { seededRandom } from '../../../tests/support/random.ts';
import { frame } from './frames.ts';
import type { NamedEndpoint, NamedNetwork, NameServer } from './name-server.ts';
import { openNameServer } from './open.ts';
import { encodeQuery } from './testing/query.ts';
import { TYPE_A } from './wire.ts';

inThrowawayHost();

const RESOLVER = join(import.meta.dirname, 'testing/resolver.fixture.ts');
const RESOLV_CONF = '/run/resolv.conf';

const run = (program: string, ...args: string[]): string => execFileSync(program, args, { encoding: 'utf8' });
writeFileSync(RESOLV_CONF, '');
run('mount', '--bind', RESOLV_CONF, '/etc/resolv.conf');
after(() => run('umount', '/etc/resolv.conf'));

let server: NameServer;
let namespaces: string[] = [];
let children: ChildProcess[] = [];

beforeEach(() => {
  server = openNameServer({ log: silentLogger });
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')));
  await server.close();
  for (const path of namespaces) await removeNetns(path);
  namespaces = [];
  children = [];
  writeFileSync(RESOLV_CONF, '');
});

/** A namespace as a container has it, without any interface but loopback. */
function makeNamespace(): { readonly id: ContainerId; readonly path: string } {
  const id = newContainerId();
  const path = `/run/${id.slice(0, 12)}`;
  createNetns(path, () => {
    using netlink = openNetlink();
    netlink.batchNow([raiseLink(LOOPBACK_INDEX)]);
  });
  namespaces.push(path);
  return { id, path };
}

const endpoint = (
  containerId: ContainerId,
  names: readonly string[],
  more: Partial<NamedEndpoint> = {},
): NamedEndpoint => ({
  containerId,
  names,
  links: {},
  ipv4Address: '',
  ipv6Address: '',
  gateways: [],
  gatewayPriority: 0,
  ...more,
});
const tell = (networkId: string, endpoints: readonly NamedEndpoint[], more: Partial<NamedNetwork> = {}) =>
  server.setEndpoints(networkId, { name: networkId, internal: false, servesNames: true, endpoints, ...more });

async function attach(upstreams: readonly string[] = [], more: Partial<NamedNetwork> = {}) {
  const made = makeNamespace();
  tell('shop', [endpoint(made.id, ['asker'], { ipv4Address: '10.1.0.9' }), ...SHOP], more);
  await server.attach(made.id, made.path, { upstreams });
  return made;
}
const SHOP = [
  endpoint(newContainerId(), ['shop-web-1', 'web'], { ipv4Address: '10.1.0.2', ipv6Address: 'fd00:1::2' }),
  endpoint(newContainerId(), ['shop-web-2', 'web'], { ipv4Address: '10.1.0.3' }),
];

const inside = (path: string, ...command: string[]) => runCommand(['nsenter', `--net=${path}`, ...command]);
/** What dig prints, inside the namespace; of what it says about itself only the status and the flags. */
async function dig(
  path: string,
  ...args: string[]
): Promise<{ readonly status: string; readonly lines: readonly string[] }> {
  const { stdout } = await inside(
    path,
    'dig',
    '+tries=1',
    '+time=8',
    '+noall',
    '+comments',
    '+answer',
    ...(args.some((arg) => arg.startsWith('@')) ? [] : ['@127.0.0.11']),
    ...args,
  );
  const status = /status: (\w+)/.exec(stdout)?.[1] ?? stdout;
  const lines = stdout.split('\n').filter((line) => line !== '' && !line.startsWith(';'));
  return { status, lines: lines.map((line) => line.split(/\s+/).at(-1) ?? '') };
}

async function startResolver(address: string, tag: number, path?: string): Promise<ChildProcess> {
  const command = [process.execPath, RESOLVER, address, String(tag)];
  return await startWhenReady(path === undefined ? command : ['nsenter', `--net=${path}`, ...command]);
}

async function startWhenReady([program = '', ...args]: readonly string[]): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  await once(child.stdout, 'data');
  return child;
}

const socketsInside = async (path: string): Promise<string> => (await inside(path, 'ss', '-Hlntu')).stdout;

test('names, aliases, replicas, other types and addresses are answered over udp and tcp', async () => {
  const { path } = await attach();
  for (const transport of ['+notcp', '+tcp']) {
    assert.deepEqual(await dig(path, transport, 'shop-web-1'), { status: 'NOERROR', lines: ['10.1.0.2'] });
    assert.deepEqual((await dig(path, transport, 'WEB.shop')).lines.toSorted(), ['10.1.0.2', '10.1.0.3']);
    assert.deepEqual(await dig(path, transport, 'AAAA', 'web'), { status: 'NOERROR', lines: ['fd00:1::2'] });
    assert.deepEqual(await dig(path, transport, 'AAAA', 'shop-web-2'), { status: 'NOERROR', lines: [] });
    assert.deepEqual(await dig(path, transport, 'SRV', 'web'), { status: 'NOERROR', lines: [] });
    assert.deepEqual((await dig(path, transport, '-x', '10.1.0.2')).lines, ['shop-web-1.shop.']);
    assert.deepEqual((await dig(path, transport, '-x', 'fd00:1::2')).lines, ['shop-web-1.shop.']);
  }
  const firsts = new Set<string | undefined>();
  for (let i = 0; i < 20; i++) firsts.add((await dig(path, 'web')).lines[0]);
  assert.deepEqual(firsts, new Set(['10.1.0.2', '10.1.0.3']));
});

test('an answer of a hundred replicas comes whole with EDNS, and over tcp without', async () => {
  const { id, path } = await attach();
  const replicas = Array.from({ length: 100 }, (_, i) =>
    endpoint(newContainerId(), ['app'], { ipv4Address: `10.2.0.${i}` }),
  );
  tell('shop', [endpoint(id, ['asker']), ...replicas]);
  assert.equal((await dig(path, '+ignore', '+bufsize=4096', 'app')).lines.length, 100);
  assert.equal((await dig(path, '+ignore', '+noedns', 'app')).lines.length, 30);
  assert.equal((await dig(path, '+noedns', 'app')).lines.length, 100);
});

test('nothing of a network is told to a container that is not on it', async () => {
  await startResolver('127.0.0.1', 7);
  writeFileSync(RESOLV_CONF, 'nameserver 127.0.0.1\n');
  const { path } = await attach();
  const stranger = makeNamespace();
  tell('blog', [endpoint(stranger.id, ['writer'], { ipv4Address: '10.2.0.2' })]);
  await server.attach(stranger.id, stranger.path, { upstreams: [] });
  for (const name of ['web', 'web.shop', 'shop-web-1']) {
    assert.deepEqual((await dig(stranger.path, name)).lines, ['192.0.2.7'], 'somebody else’s name is the outside’s');
  }
  assert.equal((await dig(stranger.path, 'web.gantry.internal')).status, 'NXDOMAIN');
  assert.deepEqual((await dig(stranger.path, '-x', '10.1.0.2')).lines, ['192.0.2.7']);
  assert.deepEqual((await dig(path, 'writer')).lines, ['192.0.2.7']);
});

test('a container may have port 53 for itself, before and after', async () => {
  const own = makeNamespace();
  const before = await startResolver('0.0.0.0', 53, own.path);
  tell('shop', [endpoint(own.id, ['asker']), ...SHOP]);
  await server.attach(own.id, own.path, { upstreams: [] });
  assert.deepEqual((await dig(own.path, 'shop-web-1')).lines, ['10.1.0.2']);
  assert.deepEqual((await dig(own.path, '+tcp', 'shop-web-1')).lines, ['10.1.0.2']);
  assert.deepEqual((await dig(own.path, '@127.0.0.1', 'shop-web-1')).lines, ['192.0.2.53']);
  before.kill('SIGKILL');
  await once(before, 'exit');
  await startResolver('0.0.0.0', 54, own.path);
  assert.deepEqual((await dig(own.path, '@127.0.0.1', 'shop-web-1')).lines, ['192.0.2.54']);
  assert.deepEqual((await dig(own.path, '+tcp', 'shop-web-1')).lines, ['10.1.0.2']);
});

test('rules of the host and of the container that drop what is not asked for do not matter', async () => {
  const { path } = await attach();
  run('nft', 'add table inet strict; add chain inet strict in { type filter hook input priority 0; policy drop; }');
  const strict = `add table inet strict
    add chain inet strict out { type filter hook output priority 0; policy drop; }
    add rule inet strict out ct state invalid drop
    add rule inet strict out udp dport 53 accept
    add rule inet strict out tcp dport 53 accept
    add rule inet strict out ct state established accept`;
  await runCommand(['nsenter', `--net=${path}`, 'nft', '-f', '-'], { input: strict });
  assert.deepEqual((await dig(path, 'shop-web-1')).lines, ['10.1.0.2']);
  assert.deepEqual((await dig(path, '+tcp', 'shop-web-1')).lines, ['10.1.0.2']);
  run('nft', 'delete table inet strict');
});

test('other names are asked of the host’s resolvers, which may change, over udp and tcp, with EDNS as it came', async () => {
  await startResolver('127.0.0.1', 1);
  await startResolver('127.0.0.2', 2);
  const { path } = await attach();
  assert.equal((await dig(path, 'example.com')).status, 'SERVFAIL');
  writeFileSync(RESOLV_CONF, 'nameserver 127.0.0.1\n');
  const changed = (tag: number) => async () =>
    (await dig(path, 'example.com')).lines[0] === `192.0.2.${tag}` ? true : undefined;
  assert.ok(await poll(changed(1), { intervalMs: 100, timeoutMs: 5000 }));
  assert.deepEqual((await dig(path, '+tcp', 'example.com')).lines, ['192.0.2.1']);
  assert.deepEqual((await dig(path, 'edns.example.com')).lines, ['192.0.2.1']);
  assert.deepEqual((await dig(path, '+noedns', 'edns.example.com')).lines, ['192.0.2.0']);
  assert.equal((await dig(path, 'many.example.com', '+noedns', '+ignore')).lines.length, 29);
  assert.equal((await dig(path, 'many.example.com', '+noedns')).lines.length, 100, 'dig asks again over tcp');
  writeFileSync(RESOLV_CONF, 'nameserver 127.0.0.2\n');
  assert.ok(await poll(changed(2), { intervalMs: 100, timeoutMs: 5000 }));
});

test('who closes its side of a connection after the questions still gets all answers', async () => {
  await startResolver('127.0.0.1', 1);
  writeFileSync(RESOLV_CONF, 'nameserver 127.0.0.1\n');
  const { path } = await attach();
  const questions = ['example.com', 'shop-web-1'].map((name) => frame(encodeQuery(name, TYPE_A)));
  const input = Buffer.concat(questions);
  const client = `const socket = require('net').connect({ port: 53, host: '127.0.0.11', allowHalfOpen: true });
    process.stdin.on('data', (bytes) => socket.end(bytes)); socket.on('end', () => process.exit()).pipe(process.stdout)`;
  const { stdout } = await runCommand(['nsenter', `--net=${path}`, process.execPath, '-e', client], { input });
  assert.ok(stdout.includes('example') && stdout.includes('shop-web-1'), stdout);
});

test('forged answers are passed over, and each question has a port of its own', async () => {
  await startResolver('127.0.0.1', 1);
  writeFileSync(RESOLV_CONF, 'nameserver 127.0.0.1\n');
  const { path } = await attach();
  assert.deepEqual((await dig(path, 'forged.example.com')).lines, ['192.0.2.1']);
  const ports = new Set<string | undefined>();
  for (let i = 0; i < 8; i++) ports.add((await dig(path, 'port.example.com')).lines[0]);
  assert.ok(ports.size > 5, `ports: ${[...ports]}`);
});

test('a resolver that is silent, refuses or fails is followed by the next, and by an error at last', async () => {
  await startResolver('127.0.0.1', 1);
  writeFileSync(RESOLV_CONF, 'nameserver 127.0.0.9\nnameserver 127.0.0.1\n');
  const { path } = await attach();
  assert.deepEqual((await dig(path, 'example.com')).lines, ['192.0.2.1'], 'nobody listens at the first');
  assert.equal((await dig(path, 'fail.example.com')).status, 'SERVFAIL');
  const beganAtMs = performance.now();
  assert.equal((await dig(path, 'silent.example.com')).status, 'SERVFAIL');
  const tookMs = performance.now() - beganAtMs;
  assert.ok(tookMs > 1500 && tookMs < 10_000, `${tookMs} ms`);
  assert.deepEqual((await dig(path, 'example.com')).lines, ['192.0.2.1']);
});

test('resolvers given for a container are asked from inside it, itself included', async () => {
  const { path } = await attach(['127.0.0.11', '127.0.0.1']);
  await startResolver('127.0.0.1', 88, path);
  assert.deepEqual((await dig(path, 'example.com')).lines, ['192.0.2.88']);
  assert.deepEqual((await dig(path, '+tcp', 'example.com')).lines, ['192.0.2.88']);
});

test('a container on an internal network knows its own and asks nobody of the host', async () => {
  await startResolver('127.0.0.1', 1);
  writeFileSync(RESOLV_CONF, 'nameserver 127.0.0.1\n');
  const { path } = await attach([], { internal: true });
  assert.deepEqual((await dig(path, 'shop-web-1')).lines, ['10.1.0.2']);
  assert.deepEqual(await dig(path, 'example.com'), { status: 'SERVFAIL', lines: [] });
  assert.deepEqual(await dig(path, '+tcp', 'example.com'), { status: 'SERVFAIL', lines: [] });
});

test('another engine takes a running container over, and attaching again changes nothing', async () => {
  const { id, path } = await attach();
  const first = await socketsInside(path);
  assert.equal(first.trim().split('\n').length, 2);
  await server.attach(id, path, { upstreams: [] });
  assert.equal(await socketsInside(path), first);
  await server.close();
  assert.equal(await socketsInside(path), '');
  server = openNameServer({ log: silentLogger });
  tell('shop', [endpoint(id, ['asker']), ...SHOP]);
  await server.attach(id, path, { upstreams: [] });
  assert.deepEqual((await dig(path, 'shop-web-1')).lines, ['10.1.0.2']);
  assert.deepEqual((await dig(path, '+tcp', 'shop-web-1')).lines, ['10.1.0.2']);
  const tables = JSON.parse((await inside(path, 'nft', '-j', 'list', 'ruleset')).stdout).nftables;
  assert.equal(tables.filter((object: object) => 'rule' in object).length, 4);
});

test('who leaves lets go of the namespace at once, open connections too', async () => {
  const { id, path } = await attach();
  const client = await startWhenReady(['nsenter', `--net=${path}`, process.execPath, '-e', HANGING_CLIENT]);
  const { ino } = statSync(path);
  await server.detach(id);
  await once(client, 'exit');
  assert.equal(await socketsInside(path), '');
  await removeNetns(path);
  const again = makeNamespace();
  assert.notEqual(statSync(again.path).ino, ino);
  await server.detach(id);
});
const HANGING_CLIENT = `require('net').connect(53, '127.0.0.11', () => console.log('connected')).on('close', () => process.exit()).on('error', () => {}).resume()`;

test('hostile packets and connections disturb nobody', async () => {
  const { path } = await attach();
  const { seed } = seededRandom();
  const hostile = `
    const { createSocket } = require('dgram');
    const { connect } = require('net');
    const { randomBytes } = require('crypto');
    let state = ${seed};
    const below = (n) => (state = (Math.imul(state, 1103515245) + 12345) >>> 1) % n;
    const good = Buffer.from('000701000001000000000001037765620000010001000029ffff000000000000', 'hex');
    const socket = createSocket('udp4');
    let sent = 0;
    const next = () => {
      if (sent++ === 20000) { socket.close(); return tcp(); }
      const packet = below(4) === 0 ? randomBytes(below(600)) : Buffer.from(good);
      for (let i = below(5); i > 0 && packet.length > 0; i--) packet[below(packet.length)] = below(256);
      socket.send(packet, 53, '127.0.0.11', () => (sent % 50 ? next() : setImmediate(next)));
    };
    const tcp = () => {
      let open = 0;
      for (let i = 0; i < 400; i++) {
        const client = connect(53, '127.0.0.11', () => client.write(randomBytes(below(3000))));
        open++;
        client.on('error', () => {}).on('close', () => --open || process.exit()).resume();
        setTimeout(() => client.destroy(), 500);
      }
    };
    next();
    console.log('begun');`;
  const attacker = await startWhenReady(['nsenter', `--net=${path}`, process.execPath, '-e', hostile]);
  await once(attacker, 'exit');
  assert.deepEqual((await dig(path, 'shop-web-1')).lines, ['10.1.0.2']);
  assert.deepEqual((await dig(path, '+tcp', 'shop-web-1')).lines, ['10.1.0.2']);
});

test('more questions at once than a client may have are refused, and others are served meanwhile', async () => {
  await startResolver('127.0.0.1', 1);
  writeFileSync(RESOLV_CONF, 'nameserver 127.0.0.1\n');
  const { path } = await attach();
  const flood = `
    const question = Buffer.from('000001000001000000000000' + '0673696c656e74046578616d0000010001', 'hex');
    const socket = require('dgram').createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    let refused = 0, failed = 0;
    socket.on('message', (m) => ((m[3] & 15) === 5 ? refused++ : failed++));
    let id = 0;
    const send = () => {
      for (let i = 0; i < 10 && id < 1200; i++) { question.writeUInt16BE(id++, 0); socket.send(question, 53, '127.0.0.11'); }
      if (id < 1200) setTimeout(send, 5); else { console.log('sent'); setTimeout(() => { console.log(refused + ' ' + failed); socket.close(); }, 4000); }
    };
    send();`;
  const child = spawn('nsenter', [`--net=${path}`, process.execPath, '-e', flood], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  let output = '';
  child.stdout.on('data', (piece) => (output += piece));
  await poll(() => (output.includes('sent') ? true : undefined), { intervalMs: 20, timeoutMs: 10_000 });
  assert.deepEqual((await dig(path, 'shop-web-1')).lines, ['10.1.0.2']);
  await once(child, 'exit');
  const [refused = 0, failed = 0] = (output.split('\n')[1] ?? '').split(' ').map(Number);
  assert.ok(refused >= 100 && failed >= 900 && failed <= 1024 && refused + failed <= 1200, output);
});

test('the host finds containers at its loopback address, and is refused the rest unless it asks us for everything', async () => {
  await attach();
  tell('bridge', [endpoint(newContainerId(), ['plain'], { ipv4Address: '172.17.0.2' })], { servesNames: false });
  const ask = async (...args: string[]) =>
    (await runCommand(['dig', '+tries=1', '+time=5', '+noall', '+comments', '+answer', '@127.0.0.153', ...args]))
      .stdout;
  const short = async (...args: string[]) => (await ask('+short', '+nocomments', ...args)).trim();
  assert.equal(await short('shop-web-2.gantry.internal'), '10.1.0.3');
  assert.equal(await short('+tcp', 'plain.gantry.internal'), '172.17.0.2');
  assert.equal(await short('AAAA', 'shop-web-1.shop.gantry.internal'), 'fd00:1::2');
  assert.equal(await short('-x', '10.1.0.2'), 'shop-web-1.gantry.internal.');
  assert.match(await ask('nobody.gantry.internal'), /NXDOMAIN/);
  assert.match(await ask('example.com'), /REFUSED/);
  await startResolver('127.0.0.1', 1);
  writeFileSync(RESOLV_CONF, 'nameserver 127.0.0.153\nnameserver 127.0.0.1\n');
  const forwarded = async () => ((await short('example.com')) === '192.0.2.1' ? true : undefined);
  assert.ok(await poll(forwarded, { intervalMs: 100, timeoutMs: 5000 }));
  const [found] = (await runCommand(['getent', 'hosts', 'shop-web-2.gantry.internal'])).stdout.split(/\s+/);
  assert.equal(found, '10.1.0.3');
});

test('an address of the host that is taken costs only the host its names', async () => {
  await server.close();
  await startResolver('127.0.0.153', 9);
  const warnings: string[] = [];
  const log: Logger = { ...silentLogger, warn: (_fields, message) => void warnings.push(message) };
  server = openNameServer({ log });
  const { path } = await attach();
  assert.deepEqual((await dig(path, 'shop-web-1')).lines, ['10.1.0.2']);
  await poll(() => (warnings.length > 0 ? true : undefined), { intervalMs: 20, timeoutMs: 3000 });
  assert.match(warnings.join(), /the host cannot look up containers at 127\.0\.0\.153: .*EADDRINUSE/);
});

test('a namespace that is not there is an error, and the server goes on', async () => {
  await assert.rejects(server.attach(newContainerId(), '/run/nowhere', { upstreams: [] }), { kind: 'not-found' });
  const { path } = await attach();
  assert.deepEqual((await dig(path, 'shop-web-1')).lines, ['10.1.0.2']);
});

test('a thread that dies is replaced by one that knows and serves the same', async () => {
  const { path } = await attach();
  const poison = { name: 'poison', internal: false, servesNames: true, endpoints: [null] } as unknown as NamedNetwork;
  server.setEndpoints('poison', poison);
  await dig(path, '+time=1', 'shop-web-1');
  server.setEndpoints('poison', undefined);
  const answered = async () => ((await dig(path, '+time=1', 'shop-web-1')).lines[0] === '10.1.0.2' ? true : undefined);
  assert.ok(await poll(answered, { intervalMs: 100, timeoutMs: 10_000 }));
});

test('containers are let go of also while the thread dies', async () => {
  const { path } = await attach();
  const poison = { name: 'poison', internal: false, servesNames: true, endpoints: [null] } as unknown as NamedNetwork;
  server.setEndpoints('poison', poison);
  let isAsking = true;
  const asking = dig(path, '+time=1', '+tries=1', 'shop-web-1').finally(() => {
    isAsking = false;
  });
  while (isAsking) {
    await server.detach(newContainerId());
    await nextTurn();
  }
  await asking;
  server.setEndpoints('poison', undefined);
});

test('what the server opened is closed with it', async () => {
  const descriptors = () => readdirSync('/proc/self/fd').length;
  await attach();
  await server.close();
  const before = descriptors();
  server = openNameServer({ log: silentLogger });
  await attach();
  await server.close();
  assert.equal(
    await poll(() => (descriptors() <= before ? true : undefined), { intervalMs: 50, timeoutMs: 3000 }),
    true,
  );
});

// How fast: `npm run bench -- --rows names,names-latency`.
test('twenty thousand questions, some always on their way, get an answer each', async () => {
  const { path } = await attach();
  const load = `
    const socket = require('dgram').createSocket({ type: 'udp4', recvBufferSize: 1 << 20 });
    const question = Buffer.from('000001000001000000000000' + '0a73686f702d7765622d31' + '0000010001', 'hex');
    const count = 20000, window = 16, answered = new Set();
    let id = 0;
    const send = () => { question.writeUInt16BE(id++, 0); socket.send(question); };
    socket.on('message', (answer) => {
      answered.add(answer.readUInt16BE(0));
      if (answered.size === count) { console.log(answered.size); socket.close(); }
      else if (id < count) send();
    });
    socket.connect(53, '127.0.0.11', () => { for (let i = 0; i < window; i++) send(); });`;
  const { stdout } = await inside(path, process.execPath, '-e', load);
  assert.equal(stdout, '20000\n');
});
