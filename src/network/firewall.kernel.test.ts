import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { afterEach, beforeEach, test } from 'node:test';
import { type ContainerId, newContainerId } from '#/base/ids.ts';
import { silentLogger } from '#/base/log.ts';
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
  firewall = openFirewall({ log: silentLogger });
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
