import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { poll } from '#/base/delay.ts';
import { type ContainerId, newContainerId } from '#/base/ids.ts';
import { silentLogger } from '#/base/log.ts';
import { inThrowawayHost } from '../../../tests/support/host.ts';
import { type Firewall, openFirewall } from '../firewall.ts';
import type { PortBinding } from '../network.ts';
import { openRelays } from '../relay/open.ts';
import type { Relays } from '../relay/relay.ts';
import { labNetwork, NetLab, run } from '../testing/net-lab.ts';
import { openPorts } from './open.ts';
import type { Ports, PortTarget, PublishMode } from './ports.ts';

inThrowawayHost();

let lab: NetLab;
let firewall: Firewall;
let relays: Relays;
let ports: Ports;
let warnings: object[];
const WEB: ContainerId = newContainerId();
const DB: ContainerId = newContainerId();

/** `web` (IPv4 and IPv6) and `db` on br-a; `outside` beside the host. */
beforeEach(async () => {
  lab = new NetLab();
  lab.bridge('br-a', 18);
  lab.container('web', 'br-a', 18, 2);
  lab.container('db', 'br-a', 18, 3);
  await lab.serve('web', 80, 81);
  warnings = [];
  firewall = openFirewall({ log: silentLogger, defaultBridge: 'gantry0' });
  await firewall.setNetworks([labNetwork('br-a')]);
  await firewall.install();
  relays = openRelays({ log: silentLogger });
  openMode('open');
});

afterEach(async () => {
  await ports.close();
  await relays.close();
  await firewall.close();
  await lab[Symbol.asyncDispose]();
});

const log = { ...silentLogger, warn: (fields: object) => void warnings.push(fields) };
const openMode = (mode: PublishMode) => {
  ports = openPorts({ log, firewall, relays, mode });
};
const target = (n: number, ipv6 = true): PortTarget => ({
  ipv4Address: `172.18.0.${n}`,
  ipv6Address: ipv6 ? `fd00:18::${n}` : '',
  defaultHostAddress: '0.0.0.0',
  sandboxPath: '/run/netns/web',
  internal: false,
});
const bind = (hostPort: number, extra: Partial<PortBinding> = {}): PortBinding => ({
  protocol: 'tcp',
  containerPort: 80,
  hostAddress: '',
  hostPort,
  hostPortEnd: hostPort,
  ...extra,
});
const publish = async (...bindings: PortBinding[]) =>
  (await ports.publish(WEB, bindings, target(2))).map(
    ({ hostAddress, hostPort, containerPort, protocol }) => `${hostAddress} ${hostPort} ${containerPort}/${protocol}`,
  );
const elements = () =>
  JSON.parse(run('nft', '-j', 'list', 'table', 'inet', 'gantry')).nftables.flatMap(
    ({ map }: { map?: { elem?: unknown[] } }) => map?.elem ?? [],
  );
const bound = () =>
  run('sh', '-c', 'cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 | grep -ci ":1F90 "').trim();

/** A relay takes a moment to start. */
const becomes = (call: () => Promise<string>, expected: string) =>
  poll(async () => ((await call()) === expected ? true : undefined), { intervalMs: 50, timeoutMs: 30_000 });

async function stranger(address: string, port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ host: address, port, ipv6Only: true }, resolve));
  return server;
}

test('a port is open on all addresses of the host, IPv6 loopback too, and closed when it is released', async () => {
  assert.deepEqual(await publish(bind(8080), bind(8080, { protocol: 'udp' })), [
    '0.0.0.0 8080 80/tcp',
    ':: 8080 80/tcp',
    '0.0.0.0 8080 80/udp',
    ':: 8080 80/udp',
  ]);
  for (const protocol of ['tcp', 'udp'] as const) {
    assert.equal(await lab.call('outside', '192.0.2.1', 8080, protocol), '192.0.2.2');
    await becomes(() => lab.call('outside', '2001:db8::1', 8080, protocol), '2001:db8::2');
    assert.equal(await lab.call('', '127.0.0.1', 8080, protocol), '172.18.0.1');
    await becomes(() => lab.call('', '::1', 8080, protocol), 'fd00:18::1');
  }
  await ports.release(WEB);
  assert.deepEqual(elements(), []);
  assert.equal(await lab.call('outside', '192.0.2.1', 8080), 'refused');
  assert.equal(await lab.call('', '::1', 8080), 'refused');
  await ports.release(WEB);
});

test('IPv6 callers reach a container without IPv6', async () => {
  await ports.publish(WEB, [bind(8080)], target(2, false));
  await becomes(() => lab.call('outside', '2001:db8::1', 8080), '172.18.0.1');
  assert.equal(await lab.call('outside', '192.0.2.1', 8080), '192.0.2.2');
});

test('a port of ours is told as allocated, one of a stranger as in use, before anything is made', async () => {
  await publish(bind(8080));
  const before = elements().length;
  const other = (...bindings: PortBinding[]) => ports.publish(DB, bindings, target(3));
  await assert.rejects(other(bind(9000), bind(8080)), {
    kind: 'conflict',
    message: 'Bind for 0.0.0.0:8080 failed: port is already allocated',
  });
  await assert.rejects(other(bind(8080, { hostAddress: '127.0.0.1' })), {
    message: 'Bind for 127.0.0.1:8080 failed: port is already allocated',
  });
  const server = await stranger('0.0.0.0', 8081);
  await assert.rejects(other(bind(9000), bind(8081)), {
    kind: 'conflict',
    message: 'failed to bind host port for 0.0.0.0:8081:172.18.0.3:80/tcp: address already in use',
  });
  server.close();
  await assert.rejects(other(bind(9000), bind(9001, { hostAddress: '203.0.113.9' })), {
    message: 'failed to bind host port for 203.0.113.9:9001:172.18.0.3:80/tcp: cannot assign requested address',
  });
  assert.equal(elements().length, before);
  assert.deepEqual(ports.portsOf(DB), []);
  await other(bind(9000), bind(8081), bind(8080, { protocol: 'udp' }));
});

test('a stranger cannot take a published port', async () => {
  await publish(bind(8080));
  const server = createServer();
  const error = await new Promise<NodeJS.ErrnoException>((resolve) =>
    server.on('error', resolve).listen(8080, '0.0.0.0'),
  );
  assert.equal(error.code, 'EADDRINUSE');
});

test('connections that a former server left behind do not hold up its port', async () => {
  const server = createServer((socket) => socket.end('bye'));
  await new Promise<void>((resolve) => server.listen(8080, '127.0.0.1', resolve));
  assert.equal(await lab.call('', '127.0.0.1', 8080), 'bye');
  await new Promise((resolve) => server.close(resolve));
  assert.notEqual(bound(), '0');
  await publish(bind(8080, { hostAddress: '127.0.0.1' }));
});

test('free ports come from the host range, one after the other, the same for IPv4 and IPv6, past those in use', async () => {
  writeFileSync('/proc/sys/net/ipv4/ip_local_port_range', '40000 40003');
  const server = await stranger('::', 40001);
  assert.deepEqual(await publish(bind(0)), ['0.0.0.0 40000 80/tcp', ':: 40000 80/tcp']);
  await ports.publish(DB, [bind(0), bind(0, { containerPort: 81 })], target(3));
  assert.deepEqual(
    ports.portsOf(DB).map(({ hostPort }) => hostPort),
    [40002, 40002, 40003, 40003],
  );
  await assert.rejects(publish(bind(0), bind(0, { containerPort: 81 })), { message: 'all ports are allocated' });
  assert.equal(ports.portsOf(WEB).length, 2);
  server.close();
});

test('of a range the first free port is taken', async () => {
  await publish(bind(8000, { hostPortEnd: 8002 }));
  const range = bind(8000, { hostPortEnd: 8002 });
  await ports.publish(DB, [range, { ...range, containerPort: 81 }], target(3));
  assert.deepEqual(
    ports.portsOf(DB).map(({ hostPort }) => hostPort),
    [8001, 8001, 8002, 8002],
  );
});

test('ports are added and removed while those that stay, stay; a failure changes nothing', async () => {
  const [first] = await publish(bind(0));
  const more = await publish(bind(0), bind(8081, { containerPort: 81 }));
  assert.equal(more[0], first);
  await assert.rejects(publish(bind(0), bind(8081), bind(8081, { containerPort: 81 })), { kind: 'conflict' });
  assert.equal(await lab.call('outside', '192.0.2.1', 8081), '192.0.2.2');
  assert.deepEqual(await publish(bind(0)), [first, more[1]]);
  assert.equal(await lab.call('outside', '192.0.2.1', 8081), 'refused');
});

test('a port leads elsewhere when the container has another address', async () => {
  await publish(bind(8080));
  await lab.serve('db', 80);
  await ports.publish(WEB, [bind(8080)], target(3));
  run('ip', 'netns', 'exec', 'web', 'ip', 'link', 'set', 'eth0', 'down');
  assert.equal(await lab.call('outside', '192.0.2.1', 8080), '192.0.2.2');
  await becomes(() => lab.call('', '::1', 8080), 'fd00:18::1');
});

test('a caller that keeps sending datagrams from one port follows where the port leads', async () => {
  const call = () => lab.call('outside', '192.0.2.1', 8080, 'udp', '192.0.2.2 5555');
  const udp = bind(8080, { protocol: 'udp' });
  assert.equal(await call(), 'refused');
  await publish(udp);
  assert.equal(await call(), '192.0.2.2');
  await ports.publish(WEB, [udp], target(3));
  assert.equal(await call(), 'refused');
  await ports.publish(WEB, [udp], target(2));
  assert.equal(await call(), '192.0.2.2');
  await ports.release(WEB);
  assert.equal(await call(), 'refused');
});

test('the rules outlive the engine, and the next one goes on even where a stranger has the port', async () => {
  await publish(bind(8080), bind(8081));
  const before = ports.portsOf(WEB);
  await ports.close();
  assert.equal(await lab.call('outside', '192.0.2.1', 8080), '192.0.2.2');
  const server = await stranger('0.0.0.0', 8081);
  openMode('open');
  await ports.restore(WEB, before, target(2));
  assert.deepEqual(ports.portsOf(WEB), before);
  assert.equal(warnings.length, 1);
  for (const port of [8080, 8081]) assert.equal(await lab.call('outside', '192.0.2.1', port), '192.0.2.2');
  server.close();
});

test('a unix socket of the host leads into the container', async () => {
  const path = join(lab.dir, 'web.sock');
  assert.deepEqual(await publish(bind(0, { hostAddress: path })), [`${path} 0 80/tcp`]);
  const { stdout } = await promisify(execFile)('curl', ['-s', '--http0.9', '--unix-socket', path, 'http://x/']);
  assert.equal(stdout, '172.18.0.2');
  await assert.rejects(ports.publish(DB, [bind(0, { hostAddress: path })], target(3)), { kind: 'conflict' });
  await ports.release(WEB);
  assert.equal(existsSync(path), false);
});

test('an internal network has no open port, neither by rule nor by relay, but may have a unix socket', async () => {
  const path = join(lab.dir, 'web.sock');
  const opened = await ports.publish(WEB, [bind(8080), bind(0, { hostAddress: path })], {
    ...target(2),
    internal: true,
  });
  assert.deepEqual(
    opened.map(({ hostAddress }) => hostAddress),
    [path],
  );
  assert.deepEqual(elements(), []);
  assert.equal(await lab.call('', '::1', 8080), 'refused');
});

test('sctp has its rule, with or without sctp in the host kernel', async () => {
  await publish(bind(8080, { protocol: 'sctp' }));
  assert.match(JSON.stringify(elements()), /"sctp",8080/);
});

test('in host-firewall mode a port is open where the INPUT rules of the host allow it', async () => {
  openMode('host-firewall');
  run('nft', 'add table inet filter; add chain inet filter input { type filter hook input priority 0; policy drop; }');
  run(
    'nft',
    'add rule inet filter input ct state established accept; add rule inet filter input meta l4proto ipv6-icmp accept',
  );
  run('nft', 'add rule inet filter input iifname lo accept');
  await publish(bind(8080), bind(8080, { protocol: 'udp' }));
  assert.deepEqual(elements(), []);
  await becomes(() => lab.call('', '127.0.0.1', 8080), '172.18.0.1');
  assert.equal(await lab.call('outside', '192.0.2.1', 8080), 'timeout');
  assert.equal(await lab.call('outside', '2001:db8::1', 8080), 'timeout');
  assert.equal(await lab.call('db', '172.18.0.1', 8080), 'timeout');
  run('nft', 'add rule inet filter input th dport 8080 accept');
  for (const protocol of ['tcp', 'udp'] as const) {
    assert.equal(await lab.call('outside', '192.0.2.1', 8080, protocol), '172.18.0.1');
    await becomes(() => lab.call('outside', '2001:db8::1', 8080, protocol), 'fd00:18::1');
    await becomes(() => lab.call('', '::1', 8080, protocol), 'fd00:18::1');
    assert.equal(await lab.call('db', '172.18.0.1', 8080, protocol), '172.18.0.1');
    assert.equal(await lab.call('web', '172.18.0.1', 8080, protocol), '172.18.0.1');
  }
});
