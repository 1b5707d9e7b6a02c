import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '#/base/log.ts';
import { openBoundSocket } from '#/linux/inet-socket.ts';
import { createNetns, insideNetns, removeNetns } from '#/linux/netns.ts';
import { inThrowawayHost } from '../../../tests/support/host.ts';
import { openRelays } from './open.ts';

inThrowawayHost();

const dir = mkdtempSync(join(process.env.TMPDIR ?? '/tmp', 'relay-'));
const NETNS = join(dir, 'netns');
const HOST_END = '10.77.0.1';
const CONTAINER = '10.77.0.2';
const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8' });
const inside = (...args: string[]) => execFileSync('nsenter', [`--net=${NETNS}`, ...args], { encoding: 'utf8' });

createNetns(NETNS, () => {});
ip('link', 'add', 'out0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', NETNS);
ip('address', 'add', `${HOST_END}/24`, 'dev', 'out0');
ip('link', 'set', 'out0', 'up');
inside('ip', 'link', 'set', 'lo', 'up');
inside('ip', 'address', 'add', `${CONTAINER}/24`, 'dev', 'eth0');
inside('ip', 'link', 'set', 'eth0', 'up');

const relays = openRelays({ log: silentLogger, limits: { connectionsOfOneListener: 20, udpIdleMs: 400 } });
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});
after(async () => {
  await relays.close();
  await removeNetns(NETNS);
  rmSync(dir, { recursive: true });
});

/** A server inside the container's namespace. */
async function serve(address: string, onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  servers.push(server);
  const bound = insideNetns(NETNS, () => openBoundSocket('tcp', address));
  const { port } = bound;
  server.listen({ fd: bound.release() });
  await once(server, 'listening');
  return port;
}

const echo = (socket: Socket): void => void socket.pipe(socket);
const tcp = { kind: 'tcp', hostAddress: '::1', hostPort: 0 } as const;

async function exchange(options: NetConnectOpts, sent: string | Buffer): Promise<Buffer> {
  const socket = connect(options);
  socket.end(sent);
  const parts: Buffer[] = await socket.toArray();
  return Buffer.concat(parts);
}

async function outcome(options: NetConnectOpts): Promise<string> {
  const socket = connect(options);
  socket.write('x');
  const [event] = await Promise.race([
    once(socket, 'error').then(([error]) => [error.code]),
    once(socket, 'end').then(() => ['end']),
    once(socket, 'data').then(([data]) => [String(data)]),
  ]);
  socket.destroy();
  return event;
}

test('a port of ::1 leads to the container, whose answer follows the end of the question', async () => {
  const port = await serve(CONTAINER, (socket) => {
    const parts: string[] = [];
    socket.on('data', (part) => parts.push(String(part))).on('end', () => socket.end(`heard ${parts.join('')}`));
  });
  const { hostPort, close } = await relays.listen(tcp, { address: CONTAINER, port });
  assert.match(execFileSync('ss', ['-Hltn', `sport = :${hostPort}`], { encoding: 'utf8' }), /\[::1\]/);
  assert.equal(String(await exchange({ host: '::1', port: hostPort }, 'hello')), 'heard hello');
  await close();
  await close();
  assert.equal(await outcome({ host: '::1', port: hostPort }), 'ECONNREFUSED');
});

test('what nobody listens to refuses, and one failed connection leaves the others alone', async () => {
  const port = await serve(CONTAINER, echo);
  const { hostPort, close } = await relays.listen(tcp, { address: CONTAINER, port });
  const living = connect({ host: '::1', port: hostPort });
  living.on('error', () => {});
  living.write('a');
  assert.equal(String((await once(living, 'data'))[0]), 'a');
  const dead = await relays.listen(tcp, { address: CONTAINER, port: 1 });
  assert.match(await outcome({ host: '::1', port: dead.hostPort }), /ECONNRESET|end/);
  living.write('b');
  assert.equal(String((await once(living, 'data'))[0]), 'b');
  const ended = once(living, 'close');
  await close();
  await ended;
  await dead.close();
});

test('from inside the sandbox the loopback address is the container, from outside it is refused', async () => {
  const port = await serve('127.0.0.1', (socket) => socket.end(`from ${socket.remoteAddress}`));
  const target = { address: '127.0.0.1', port };
  await assert.rejects(relays.listen(tcp, target), { kind: 'invalid-argument' });
  const { hostPort, close } = await relays.listen(tcp, { ...target, sandboxPath: NETNS });
  assert.equal(String(await exchange({ host: '::1', port: hostPort }, 'x')), 'from 127.0.0.1');
  await close();
});

test('a sandbox that is gone closes connections, and nothing else', async () => {
  const target = { address: CONTAINER, port: 80, sandboxPath: join(dir, 'none') };
  const { hostPort, close } = await relays.listen(tcp, target);
  assert.match(await outcome({ host: '::1', port: hostPort }), /ECONNRESET|end/);
  assert.match(await outcome({ host: '::1', port: hostPort }), /ECONNRESET|end/);
  await close();
});

test('a unix socket of the host leads to a port of the container, with its permissions, and goes with the relay', async () => {
  const path = join(dir, 'app.sock');
  const target = { address: CONTAINER, port: await serve(CONTAINER, echo) };
  const { close } = await relays.listen({ kind: 'unix', path, mode: 0o600 }, target);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(String(await exchange({ path }, 'hello')), 'hello');
  assert.deepEqual(readdirSync(dir).sort(), ['app.sock', 'netns']);
  await close();
  assert.equal(existsSync(path), false);
});

test('a dead unix socket is replaced, a living one and anything else is left alone', async () => {
  const path = join(dir, 'stale.sock');
  const listen = () => relays.listen({ kind: 'unix', path }, { address: CONTAINER, port: 1 });
  const die = 'require("net").createServer().listen(process.argv[1], () => process.kill(process.pid, 9))';
  assert.throws(() => execFileSync(process.execPath, ['-e', die, path]));
  assert.ok(statSync(path).isSocket());
  const first = await listen();
  await assert.rejects(listen(), { kind: 'conflict', errno: 'EADDRINUSE' });
  rmSync(path);
  writeFileSync(path, 'precious');
  await assert.rejects(listen(), { kind: 'conflict' });
  await first.close();
  assert.equal(readFileSync(path, 'utf8'), 'precious');
  rmSync(path);
  symlinkSync(join(dir, 'elsewhere'), path);
  await assert.rejects(listen(), { kind: 'conflict' });
  rmSync(path);
  assert.deepEqual(readdirSync(dir), ['netns']);
});

test('who owns the directory of a unix socket cannot lead it elsewhere', async () => {
  const path = join(dir, 'led.sock');
  const stage = join(dir, '.led.sock.gantry');
  const elsewhere = join(dir, 'elsewhere');
  const listen = () => relays.listen({ kind: 'unix', path }, { address: CONTAINER, port: 1 });
  mkdirSync(elsewhere, { mode: 0o700 });
  writeFileSync(join(elsewhere, 'socket'), 'precious');
  symlinkSync(elsewhere, stage);
  await assert.rejects(listen());
  rmSync(stage);
  mkdirSync(stage, { mode: 0o777 });
  chmodSync(stage, 0o777);
  await assert.rejects(listen(), { kind: 'conflict' });
  assert.equal(readFileSync(join(elsewhere, 'socket'), 'utf8'), 'precious');
  assert.equal(existsSync(path), false);
  chmodSync(stage, 0o700);
  writeFileSync(join(stage, 'socket'), 'left by a killed engine');
  await (await listen()).close();
  rmSync(elsewhere, { recursive: true });
  assert.deepEqual(readdirSync(dir), ['netns']);
});

test('relays that end while one begins to listen leave nobody waiting', async () => {
  const ending = openRelays({ log: silentLogger });
  const path = join(dir, 'late.sock');
  const listening = ending.listen({ kind: 'unix', path }, { address: CONTAINER, port: 1 });
  await ending.close();
  await listening;
  assert.equal(existsSync(path), false);
});

test('paths that cannot be listened on are told with their limit', async () => {
  const listen = (path: string) => relays.listen({ kind: 'unix', path }, { address: CONTAINER, port: 1 });
  await assert.rejects(listen('relative.sock'), { kind: 'invalid-argument' });
  await assert.rejects(listen(join(dir, 'x'.repeat(100))), { kind: 'invalid-argument', message: /at most 107/ });
  await assert.rejects(listen(join(dir, 'missing', 'a.sock')), { kind: 'not-found' });
  const longest = join(dir, 'y'.repeat(107 - dir.length - 1));
  const { close } = await listen(longest);
  assert.ok(statSync(longest).isSocket());
  await close();
});

test('a port in use is a conflict, a reserved one is taken over', async () => {
  const target = { address: CONTAINER, port: await serve(CONTAINER, echo) };
  const first = await relays.listen(tcp, target);
  const conflict = { kind: 'conflict', errno: 'EADDRINUSE' };
  await assert.rejects(relays.listen({ ...tcp, hostPort: first.hostPort }, target), conflict);
  await first.close();
  const bound = openBoundSocket('tcp', '127.0.0.1');
  const { port } = bound;
  const listener = { kind: 'tcp', hostAddress: '127.0.0.1', hostPort: port } as const;
  const second = await relays.listen({ ...listener, reservedFd: bound.release() }, target);
  assert.equal(second.hostPort, port);
  assert.equal(String(await exchange({ host: '127.0.0.1', port }, 'kept')), 'kept');
  await second.close();
  await (await relays.listen(listener, target)).close();
});

test('connections beyond the limit are closed, and there is room again when others end', async () => {
  const { hostPort, close } = await relays.listen(tcp, { address: CONTAINER, port: await serve(CONTAINER, echo) });
  const held: Socket[] = [];
  for (let i = 0; i < 20; i++) {
    const socket = connect({ host: '::1', port: hostPort }).on('error', () => {});
    socket.write('x');
    await once(socket, 'data');
    held.push(socket);
  }
  assert.match(await outcome({ host: '::1', port: hostPort }), /ECONNRESET|EPIPE|end/);
  held.shift()?.destroy();
  await sleep(50);
  assert.equal(await outcome({ host: '::1', port: hostPort }), 'x');
  await close();
});

test('a reader that does not read holds the sender back instead of filling memory', async () => {
  const port = await serve(CONTAINER, (socket) => socket.pause());
  const { hostPort, close } = await relays.listen(tcp, { address: CONTAINER, port });
  const socket = connect({ host: '::1', port: hostPort }).on('error', () => {});
  const chunk = Buffer.alloc(1 << 20);
  let sentBytes = 0;
  let isTaken = true;
  while (isTaken && sentBytes < 200 << 20) {
    const taken = new Promise<boolean>((resolve) => socket.write(chunk, () => resolve(true)));
    isTaken = await Promise.race([taken, sleep(500, false)]);
    sentBytes += chunk.length;
  }
  assert.ok(sentBytes < 64 << 20, `${sentBytes} bytes were taken`);
  await close();
});

test('64 MB there and back at once arrive whole', async () => {
  const { hostPort, close } = await relays.listen(tcp, { address: CONTAINER, port: await serve(CONTAINER, echo) });
  const sent = randomBytes(64 << 20);
  const received = await exchange({ host: '::1', port: hostPort }, sent);
  const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
  assert.equal(sha256(received), sha256(sent));
  await close();
});

test('udp goes there and back for each caller by itself, and idle callers are forgotten', async () => {
  const server = createSocket('udp4');
  const bound = insideNetns(NETNS, () => openBoundSocket('udp', CONTAINER));
  const { port } = bound;
  server.bind({ fd: bound.release() });
  server.on('message', (datagram, { address, port: from }) => server.send(`${address} ${datagram}`, from, address));
  const udp = { ...tcp, kind: 'udp' } as const;
  const { hostPort, close } = await relays.listen(udp, { address: CONTAINER, port });
  const [first, second] = [createSocket('udp6'), createSocket('udp6')];
  const ask = async (client: typeof first, text: string): Promise<string> => {
    client.send(text, hostPort, '::1');
    return String((await once(client, 'message', { signal: AbortSignal.timeout(2000) }))[0]);
  };
  const associations = (): number =>
    execFileSync('ss', ['-Hun', `dport = :${port}`], { encoding: 'utf8' })
      .split('\n')
      .filter(Boolean).length;
  assert.equal(await ask(first, 'one'), `${HOST_END} one`);
  assert.equal(await ask(second, 'two'), `${HOST_END} two`);
  assert.equal(await ask(first, 'three'), `${HOST_END} three`);
  assert.equal(associations(), 2);
  await sleep(700);
  assert.equal(associations(), 0);
  assert.equal(await ask(first, 'again'), `${HOST_END} again`);
  const dead = await relays.listen(udp, { address: CONTAINER, port: 1 });
  second.send('nobody', dead.hostPort, '::1');
  await sleep(50);
  assert.equal(await ask(second, 'still here'), `${HOST_END} still here`);
  for (const socket of [first, second, server]) socket.close();
  await close();
  await dead.close();
});
