import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, test } from 'node:test';
import { poll } from '#/base/delay.ts';
import { type ContainerId, newContainerId } from '#/base/ids.ts';
import { silentLogger } from '#/base/log.ts';
import { addressValue } from '#/linux/nft-values.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { type Firewall, openFirewall } from './firewall.ts';
import type { Network } from './network.ts';
import { labNetwork, macOf, NetLab, run } from './testing/net-lab.ts';

inThrowawayHost();

const CALLED: ContainerId = newContainerId();
const ICC_OFF = { 'com.docker.network.bridge.enable_icc': 'false' };
const MASQUERADE_OFF = { 'com.docker.network.bridge.enable_ip_masquerade': 'false' };

let lab: NetLab;
let firewall: Firewall;

/** Two networks, `web` and `db` on br-a and `other` on br-b; `web` and `outside` serve port 80. */
beforeEach(async () => {
  lab = new NetLab();
  lab.bridge('br-a', 18);
  lab.bridge('br-b', 19);
  lab.container('web', 'br-a', 18, 2);
  lab.container('db', 'br-a', 18, 3);
  lab.container('other', 'br-b', 19, 2);
  for (const name of ['web', 'outside', '']) await lab.serve(name, 80);
  firewall = openFirewall({ log: silentLogger, defaultBridge: 'gantry0' });
});

afterEach(async () => {
  await firewall.close();
  await lab[Symbol.asyncDispose]();
});

async function apply(a: Network = labNetwork('br-a'), b: Network = labNetwork('br-b')): Promise<void> {
  await firewall.setNetworks([a, b]);
  const guarded = (name: string, block: number, n: number) => ({
    interfaceName: `p-${name}`,
    macAddress: macOf(block, n),
    ipv4Address: `172.${block}.0.${n}`,
    ipv6Address: `fd00:${block}::${n}`,
  });
  await firewall.guard(a, guarded('web', 18, 2));
  await firewall.guard(a, guarded('db', 18, 3));
  await firewall.guard(b, guarded('other', 19, 2));
  await firewall.install();
}

const publish = (hostIpv4: string, hostIpv6?: string) =>
  firewall.setForwards(
    CALLED,
    (['tcp', 'udp'] as const).flatMap((protocol) => [
      { protocol, hostAddress: hostIpv4, hostPort: 8080, containerAddress: '172.18.0.2', containerPort: 80 },
      ...(hostIpv6 === undefined
        ? []
        : [{ protocol, hostAddress: hostIpv6, hostPort: 8080, containerAddress: 'fd00:18::2', containerPort: 80 }]),
    ]),
  );

const setBridgeNetfilter = (on: boolean) => {
  for (const name of ['ip', 'ip6']) writeFileSync(`/proc/sys/net/bridge/bridge-nf-call-${name}tables`, on ? '1' : '0');
};

for (const bridgeNetfilter of [true, false]) {
  const circumstance = `with bridge netfilter ${bridgeNetfilter ? 'on' : 'off'}`;

  test(`containers reach their own network and the outside, which sees the host, and no other network, ${circumstance}`, async () => {
    setBridgeNetfilter(bridgeNetfilter);
    await apply();
    assert.equal(await lab.call('db', '172.18.0.2', 80), '172.18.0.3');
    assert.equal(await lab.call('db', 'fd00:18::2', 80), 'fd00:18::3');
    assert.equal(await lab.call('db', '192.0.2.2', 80), '192.0.2.1');
    assert.equal(await lab.call('db', '192.0.2.2', 80, 'udp'), '192.0.2.1');
    assert.equal(await lab.call('db', '2001:db8::2', 80), '2001:db8::1');
    assert.equal(await lab.call('', '172.18.0.2', 80), '172.18.0.1');
    assert.equal(await lab.call('other', '172.18.0.2', 80), 'timeout');
    assert.equal(await lab.call('other', 'fd00:18::2', 80), 'timeout');
    assert.equal(await lab.call('outside', '172.18.0.2', 80), 'timeout');
    assert.equal(await lab.call('outside', 'fd00:18::2', 80), 'timeout');
  });

  test(`a published port is open to everybody, with the caller's address where answers find back, ${circumstance}`, async () => {
    setBridgeNetfilter(bridgeNetfilter);
    await apply();
    await publish('0.0.0.0', '::');
    for (const protocol of ['tcp', 'udp'] as const) {
      const call = (from: string, address: string) => lab.call(from, address, 8080, protocol);
      assert.equal(await call('outside', '192.0.2.1'), '192.0.2.2');
      assert.equal(await call('outside', '2001:db8::1'), '2001:db8::2');
      assert.equal(await call('', '192.0.2.1'), '192.0.2.1');
      assert.equal(await call('', '2001:db8::1'), '2001:db8::1');
      assert.equal(await call('', '127.0.0.1'), '172.18.0.1');
      assert.equal(await call('', '172.18.0.1'), '172.18.0.1');
      assert.equal(await call('other', '192.0.2.1'), '172.18.0.1');
      assert.equal(await call('other', '172.19.0.1'), '172.18.0.1');
      assert.equal(await call('other', '2001:db8::1'), 'fd00:18::1');
      assert.equal(await call('web', '192.0.2.1'), '172.18.0.1');
      assert.equal(await call('web', '2001:db8::1'), 'fd00:18::1');
      assert.match(await call('db', '192.0.2.1'), bridgeNetfilter ? /^172\.18\.0\.3$/ : /^172\.18\.0\.1$/);
      assert.match(await call('db', '2001:db8::1'), bridgeNetfilter ? /^fd00:18::3$/ : /^fd00:18::1$/);
    }
    assert.equal(await lab.call('outside', '172.18.0.2', 80), 'timeout');
    await firewall.setForwards(CALLED, []);
    assert.equal(await lab.call('outside', '192.0.2.1', 8080), 'refused');
  });

  test(`a network without inter-container communication still has the outside and its published ports, ${circumstance}`, async () => {
    setBridgeNetfilter(bridgeNetfilter);
    await apply(labNetwork('br-a', ICC_OFF));
    await publish('0.0.0.0', '::');
    assert.notEqual(await lab.call('db', '172.18.0.2', 80), '172.18.0.3');
    assert.notEqual(await lab.call('db', 'fd00:18::2', 80), 'fd00:18::3');
    assert.equal(await lab.call('db', '192.0.2.2', 80), '192.0.2.1');
    assert.equal(await lab.call('outside', '192.0.2.1', 8080), '192.0.2.2');
  });

  test(`an internal network has itself and its gateway, nothing else, ${circumstance}`, async () => {
    setBridgeNetfilter(bridgeNetfilter);
    await apply(labNetwork('br-a', {}, true));
    await publish('0.0.0.0', '::');
    assert.equal(await lab.call('db', '172.18.0.2', 80), '172.18.0.3');
    assert.equal(await lab.call('db', '172.18.0.1', 80), '172.18.0.3');
    assert.equal(await lab.call('db', 'fd00:18::1', 80), 'fd00:18::3');
    assert.equal(await lab.call('db', '192.0.2.1', 80), 'timeout');
    assert.equal(await lab.call('db', '2001:db8::1', 80), 'timeout');
    assert.equal(await lab.call('db', '192.0.2.2', 80), 'timeout');
    assert.equal(await lab.call('db', '2001:db8::2', 80), 'timeout');
    assert.equal(await lab.call('other', '172.18.0.2', 80), 'timeout');
    assert.equal(await lab.call('outside', '192.0.2.1', 8080), 'timeout');
  });
}

test('a network without masquerading goes out with its own addresses', async () => {
  await apply(labNetwork('br-a', MASQUERADE_OFF));
  assert.equal(await lab.call('db', '192.0.2.2', 80), '172.18.0.3');
  assert.equal(await lab.call('db', '2001:db8::2', 80), 'fd00:18::3');
  assert.equal(await lab.call('other', '192.0.2.2', 80), '192.0.2.1');
});

test('a port bound to 127.0.0.1 is closed to neighbours that route to 127.0.0.0/8 or to the container, and to containers', async () => {
  await apply();
  await publish('127.0.0.1');
  assert.equal(await lab.call('', '127.0.0.1', 8080), '172.18.0.1');
  for (const from of ['outside', 'other', 'db']) {
    const gateway = { outside: '192.0.2.1', other: '172.19.0.1', db: '172.18.0.1' }[from] ?? '';
    assert.equal(await lab.call(from, gateway, 8080), 'refused');
    // The neighbour takes 127.0.0.1 for the host's: its own loopback goes, and packets may leave with such addresses.
    lab.in(from, 'ip', 'link', 'set', 'lo', 'down');
    lab.in(from, 'sysctl', '-qw', 'net.ipv4.conf.all.route_localnet=1', 'net.ipv4.conf.eth0.route_localnet=1');
    lab.in(from, 'ip', 'address', 'flush', 'dev', 'lo');
    lab.in(from, 'ip', 'route', 'flush', 'table', 'local', '127.0.0.0/8');
    lab.in(from, 'ip', 'route', 'add', '127.0.0.1/32', 'via', gateway, 'dev', 'eth0');
    assert.equal(await lab.call(from, '127.0.0.1', 8080), 'timeout');
  }
  assert.equal(await lab.call('outside', '172.18.0.2', 80), 'timeout');
});

test('a port bound to one address of the host is not open at another', async () => {
  run('ip', 'address', 'add', '192.0.2.9/24', 'dev', 'ext0');
  await apply();
  await publish('192.0.2.9');
  assert.equal(await lab.call('outside', '192.0.2.9', 8080), '192.0.2.2');
  assert.equal(await lab.call('outside', '192.0.2.1', 8080), 'refused');
});

const hex = (...parts: readonly (string | Buffer)[]) =>
  parts.map((part) => (typeof part === 'string' ? part.replaceAll(/[: ]/g, '') : part.toString('hex'))).join('');
const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const send = (from: string, frame: string) => lab.in(from, ...lab.talk('raw', frame));
const arpReply = (claimedIp: string, claimedMac: string, senderMac: string) =>
  hex(
    BROADCAST,
    senderMac,
    '0806 0001 0800 06 04 0002',
    claimedMac,
    addressValue(claimedIp),
    BROADCAST,
    addressValue('172.18.0.2'),
  );
/** An ICMPv6 message to all nodes, with its checksum. */
const icmp6 = (mac: string, source: string, body: Buffer): string => {
  const [from, to] = [addressValue(source), addressValue('ff02::1')];
  const pseudo = Buffer.concat([from, to, Buffer.of(0, 0, 0, body.length, 0, 0, 0, 58), body]);
  let sum = 0;
  for (let at = 0; at < pseudo.length; at += 2) sum += pseudo.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  body.writeUInt16BE(~sum & 0xffff, 2);
  return hex('33:33:00:00:00:01', mac, '86dd 60000000', Buffer.of(0, body.length), '3a ff', from, to, body);
};
const neighbours = (of: string): readonly { dst: string; lladdr?: string }[] =>
  JSON.parse(lab.in(of, 'ip', '-j', 'neighbour'));

test('a container cannot take over the address of its gateway or of a neighbour by ARP', async () => {
  await apply();
  const [gateway, evil, web] = [macOf(18, 1), macOf(18, 3), macOf(18, 2)];
  lab.in('web', 'sysctl', '-qw', 'net.ipv4.conf.eth0.arp_accept=1');
  assert.equal(await lab.call('web', '172.18.0.1', 80), '172.18.0.2');
  for (const frame of [
    arpReply('172.18.0.1', evil, evil),
    arpReply('172.18.0.1', evil, gateway),
    arpReply('172.18.0.99', evil, evil),
    arpReply('172.18.0.3', gateway, evil),
  ]) {
    send('db', frame);
  }
  const known = () => neighbours('web').filter(({ dst }) => dst.startsWith('172.'));
  assert.deepEqual(
    known().map(({ dst, lladdr }) => [dst, lladdr]),
    [['172.18.0.1', gateway]],
  );
  // The truth goes through, so the frames above were well made.
  send('db', arpReply('172.18.0.3', evil, evil));
  assert.deepEqual(
    known()
      .map(({ dst }) => dst)
      .toSorted(),
    ['172.18.0.1', '172.18.0.3'],
  );
  assert.equal(web, JSON.parse(lab.in('web', 'ip', '-j', 'link', 'show', 'eth0'))[0].address);
});

test('a container cannot send as another: neither with its addresses nor with its MAC', async () => {
  await apply();
  lab.in('db', 'ip', 'address', 'add', '172.18.0.9/16', 'dev', 'eth0');
  lab.in('db', 'ip', 'address', 'add', 'fd00:18::9/64', 'dev', 'eth0', 'nodad');
  const bound = (source: string, address: string) => lab.call('db', address, 80, 'tcp', source);
  assert.equal(await bound('172.18.0.3', '172.18.0.2'), '172.18.0.3');
  assert.match(await bound('172.18.0.9', '172.18.0.2'), /timeout|unreachable/);
  assert.match(await bound('fd00:18::9', 'fd00:18::2'), /timeout|unreachable/);
  lab.in('db', 'ip', 'link', 'set', 'eth0', 'address', macOf(18, 2));
  assert.match(await lab.call('db', '172.18.0.1', 80), /timeout|unreachable/);
});

test('a container cannot play the router: its advertisements and claims of others addresses go nowhere', async () => {
  await apply();
  const [mac, linkLocal] = [macOf(18, 3), 'fe80::42:acff:fe12:3'];
  lab.in('web', 'sysctl', '-qw', 'net.ipv6.conf.eth0.accept_ra=2', 'net.ipv6.conf.eth0.forwarding=0');
  const routes = () =>
    JSON.parse(lab.in('web', 'ip', '-6', '-j', 'route', 'show', 'default')) as { protocol: string }[];
  const advertisement = () => Buffer.from(`8600000040000708${'00'.repeat(8)}`, 'hex');
  assert.equal(await lab.call('web', 'fd00:18::1', 80), 'fd00:18::2');
  send('db', icmp6(mac, linkLocal, advertisement()));
  send('db', icmp6(macOf(18, 1), 'fe80::1', advertisement()));
  assert.deepEqual(
    routes().filter(({ protocol }) => protocol === 'ra'),
    [],
  );
  const claim = (address: string) =>
    Buffer.concat([
      Buffer.from('8800000020000000', 'hex'),
      addressValue(address),
      Buffer.from(`0201${mac.replaceAll(':', '')}`, 'hex'),
    ]);
  send('db', icmp6(mac, linkLocal, claim('fd00:18::1')));
  const gateway = () => neighbours('web').find(({ dst }) => dst === 'fd00:18::1')?.lladdr;
  assert.equal(gateway(), macOf(18, 1));
  // Without the guard both work, so the frames above were well made.
  await firewall.unguard('p-db');
  send('db', icmp6(mac, linkLocal, advertisement()));
  send('db', icmp6(mac, linkLocal, claim('fd00:18::1')));
  await poll(
    () => (routes().some(({ protocol }) => protocol === 'ra') && gateway() === mac ? true : undefined),
    WITHIN,
  );
});

const WITHIN = { intervalMs: 20, timeoutMs: 30_000 };
const tables = () => run('nft', 'list', 'ruleset').replaceAll(/ (packets|bytes) \d+/g, '');
const sorted = (text: string) =>
  text
    .split(/[\n,]/)
    .map((line) => line.trim())
    .toSorted()
    .join('\n');

test('what a stranger flushes or changes is back within seconds, and connections live through it', async () => {
  await apply();
  await publish('0.0.0.0');
  await firewall.setForwards(CALLED, [
    { protocol: 'tcp', hostAddress: '0.0.0.0', hostPort: 8080, containerAddress: '172.18.0.2', containerPort: 7 },
  ]);
  const echo = lab.python('web', 'echo', '7');
  await once(echo.stdout ?? echo, 'data');
  const caller = lab.python('outside', 'hold', '192.0.2.1', '8080');
  const lines = createInterface({ input: caller.stdout ?? process.stdin })[Symbol.asyncIterator]();
  assert.equal((await lines.next()).value, 'ready');
  const before = sorted(tables());
  for (const damage of [
    ['flush', 'ruleset'],
    ['delete', 'table', 'bridge', 'gantry'],
    ['flush', 'chain', 'inet', 'gantry', 'forward'],
    ['flush', 'set', 'inet', 'gantry', 'bridges'],
    ['add', 'rule', 'inet', 'gantry', 'forward', 'drop'],
  ]) {
    run('nft', ...damage);
    assert.notEqual(sorted(tables()), before);
    await poll(() => (sorted(tables()) === before ? true : undefined), WITHIN);
    caller.stdin?.write('still there\n');
    assert.equal((await lines.next()).value, 'still there');
  }
});

test('the next engine takes the tables over as they are, without a gap', async () => {
  await apply();
  await publish('0.0.0.0');
  const before = sorted(tables());
  await firewall.close();
  firewall = openFirewall({ log: silentLogger, defaultBridge: 'gantry0' });
  await firewall.setForwards(CALLED, []);
  assert.equal(sorted(tables()), before);
  await publish('0.0.0.0');
  await apply();
  assert.equal(sorted(tables()), before);
});

for (const [manner, chain] of [
  ['that drops by policy', '{ type filter hook forward priority filter; policy drop; }'],
  ['that rejects, as its zones do', '{ type filter hook forward priority filter + 10; jump zones; reject; }'],
] as const) {
  test(`a foreign forward chain ${manner} lets pass what ours passes, and nothing else`, async () => {
    await apply();
    await publish('0.0.0.0');
    run('nft', `table inet theirs { chain zones { reject; }; chain forward ${chain}; }`);
    await poll(() => (/gantry: /.test(run('nft', 'list', 'table', 'inet', 'theirs')) ? true : undefined), WITHIN);
    assert.equal(await lab.call('outside', '192.0.2.1', 8080), '192.0.2.2');
    assert.equal(await lab.call('db', '192.0.2.2', 80), '192.0.2.1');
    assert.equal(await lab.call('db', '172.18.0.2', 80), '172.18.0.3');
    assert.equal(await lab.call('other', '172.18.0.2', 80), 'timeout');
    // Flushed by whoever owns it, our rule comes again; where nothing is refused any more, it goes.
    run('nft', `flush chain inet theirs forward; table inet theirs { chain forward ${chain}; }`);
    assert.doesNotMatch(run('nft', 'list', 'table', 'inet', 'theirs'), /gantry: /);
    await poll(() => (/gantry: /.test(run('nft', 'list', 'table', 'inet', 'theirs')) ? true : undefined), WITHIN);
    run(
      'nft',
      'delete table inet theirs; table inet theirs { chain forward { type filter hook forward priority 0; }; }',
    );
    await poll(() => (/meta mark set/.test(tables()) ? undefined : true), WITHIN);
  });
}

test('iptables lists and keeps the rule in its own chain, and it goes with the policy', async () => {
  await apply();
  await publish('0.0.0.0');
  run('iptables', '-P', 'FORWARD', 'DROP');
  run('iptables', '-A', 'FORWARD', '-s', '192.0.2.77', '-j', 'DROP');
  await poll(() => (/MARK|mark/.test(run('iptables', '-S', 'FORWARD')) ? true : undefined), WITHIN);
  assert.equal(await lab.call('outside', '192.0.2.1', 8080), '192.0.2.2');
  assert.match(run('iptables', '-S', 'FORWARD').trim(), /-s 192\.0\.2\.77.*\n.*0x20000000\/0x20000000.* -j ACCEPT$/);
  run('iptables', '-P', 'FORWARD', 'ACCEPT');
  await poll(() => (/mark/.test(run('iptables', '-S', 'FORWARD')) ? undefined : true), WITHIN);
  assert.match(run('iptables', '-S', 'FORWARD'), /192\.0\.2\.77/);
});
