import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { newContainerId } from '#/base/ids.ts';
import { assertKind } from '#/linux/child-link.ts';
import { createNetns, removeNetns } from '#/linux/netns.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { openIpvlanDriver } from './ipvlan.ts';
import { openMacvlanDriver } from './macvlan.ts';
import type { Network } from './network.ts';
import type { EndpointRecord } from './records.ts';
import { isAnswered, ping } from './testing/ping.ts';

inThrowawayHost();

const dir = mkdtempSync(join(process.env.TMPDIR ?? '/tmp', 'macvlan-'));
const run = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' });
const ip = (...args: string[]) => run('ip', ...args);
const inside = (path: string, ...args: string[]) => run('nsenter', `--net=${path}`, ...args);
const linksOf = (path: string) => JSON.parse(inside(path, 'ip', '-j', '-d', 'address'));
const hostLinks = (): string[] => JSON.parse(ip('-j', 'link')).map(({ ifname }: { ifname: string }) => ifname);

// The host's wire: what is sent into `wire0` comes out of `far0`, on a machine of somebody else.
const FAR = join(dir, 'far');
createNetns(FAR, () => {});
ip('link', 'add', 'wire0', 'type', 'veth', 'peer', 'name', 'far0', 'netns', FAR);
ip('link', 'set', 'wire0', 'up');
inside(FAR, 'ip', 'address', 'add', '192.0.2.1/24', 'dev', 'far0');
inside(FAR, 'ip', 'link', 'set', 'far0', 'up');

let networks: Network[] = [];
const macvlan = openMacvlanDriver(() => networks);
const ipvlan = openIpvlanDriver(() => networks);
const sandboxes: string[] = [];
afterEach(async () => {
  for (const path of sandboxes.splice(0)) await removeNetns(path);
  const made = networks;
  networks = [];
  for (const network of made) await macvlan.remove(network);
});
after(async () => {
  await removeNetns(FAR);
  rmSync(dir, { recursive: true });
});

const lacks = (kind: 'macvlan' | 'ipvlan'): string | false => {
  try {
    assertKind(kind);
    return false;
  } catch (error) {
    if (isEngineError(error, 'unavailable')) return error.message;
    throw error;
  }
};
const hasVlans = (): boolean => {
  try {
    ip('link', 'add', 'link', 'wire0', 'name', 'probe', 'type', 'vlan', 'id', '7');
    ip('link', 'delete', 'probe');
    return true;
  } catch {
    return false;
  }
};
const withoutMacvlan = { skip: lacks('macvlan') };
const withoutVlans = { skip: lacks('macvlan') || (hasVlans() ? false : 'this kernel has no VLAN interfaces') };

function networkWith(options: Record<string, string>, driver: Network['driver'] = 'macvlan'): Network {
  const id = (networks.length + 1).toString(16).repeat(64);
  return {
    id,
    name: `net${networks.length}`,
    driver,
    createdAtMs: 0,
    bridgeName: undefined,
    ipam: [{ subnet: '192.0.2.0/24', gateway: '192.0.2.1' }],
    ipamDriver: 'default',
    ipamOptions: {},
    enableIpv4: true,
    enableIpv6: false,
    internal: false,
    attachable: false,
    ingress: false,
    labels: {},
    options,
  };
}

async function make(options: Record<string, string>): Promise<Network> {
  const network = networkWith(options);
  macvlan.check(network);
  await macvlan.ensure(network);
  networks.push(network);
  return network;
}

async function launch(network: Network, ipv4Address: string, interfaceName = 'eth0') {
  const containerId = newContainerId();
  const path = join(dir, containerId);
  createNetns(path, () => {});
  sandboxes.push(path);
  const macAddress = `02:42:c0:00:02:${Number(ipv4Address.split('.')[3]).toString(16).padStart(2, '0')}`;
  const endpoint = {
    containerId,
    networkId: network.id,
    networkName: network.name,
    macAddress,
    ipv4Address,
    ipv4PrefixLength: 24,
    ipv6Address: '',
    ipv6PrefixLength: 0,
    interfaceName,
  } as EndpointRecord;
  await macvlan.furnish(network, endpoint, path);
  return { path, endpoint };
}

test('a container stands on the wire of the host with a MAC address of its own', withoutMacvlan, async () => {
  const network = await make({ parent: 'wire0' });
  const [first, second] = [await launch(network, '192.0.2.10'), await launch(network, '192.0.2.11', 'eth7')];
  const [, link] = linksOf(first.path);
  assert.equal(link.ifname, 'eth0');
  assert.equal(link.linkinfo.info_kind, 'macvlan');
  assert.equal(link.linkinfo.info_data.mode, 'bridge');
  assert.equal(link.address, '02:42:c0:00:02:0a');
  assert.ok(link.flags.includes('UP'));
  assert.equal(link.addr_info[0].local, '192.0.2.10');
  assert.equal(linksOf(second.path)[1].ifname, 'eth7');
  ping(first.path, '192.0.2.1');
  ping(first.path, '192.0.2.11');
  const [neighbour] = JSON.parse(inside(FAR, 'ip', '-j', 'neigh', 'show', '192.0.2.10'));
  assert.equal(neighbour.lladdr, '02:42:c0:00:02:0a');
  assert.deepEqual(hostLinks(), ['lo', 'wire0']);
});

test('furnishing again changes nothing, unfurnishing takes the interface away, twice too', withoutMacvlan, async () => {
  const network = await make({ parent: 'wire0' });
  const { path, endpoint } = await launch(network, '192.0.2.10');
  const before = linksOf(path);
  await macvlan.furnish(network, endpoint, path);
  assert.deepEqual(linksOf(path), before);
  await macvlan.unfurnish(network, endpoint, path);
  await macvlan.unfurnish(network, endpoint, path);
  assert.equal(linksOf(path).length, 1);
  await macvlan.furnish(network, endpoint, path);
  ping(path, '192.0.2.1');
});

test(
  'a MAC address that is free again in a moment is waited for, one in use is a conflict',
  withoutMacvlan,
  async () => {
    const network = await make({ parent: 'wire0' });
    const { path } = await launch(network, '192.0.2.10');
    await removeNetns(path);
    await launch(network, '192.0.2.10');
    await assert.rejects(launch(network, '192.0.2.10'), {
      kind: 'conflict',
      message: 'MAC address 02:42:c0:00:02:0a is already in use on network net0',
    });
  },
);

test('private containers do not reach each other, passthru has the wire alone', withoutMacvlan, async () => {
  const network = await make({ parent: 'wire0', macvlan_mode: 'private' });
  const [first] = [await launch(network, '192.0.2.10'), await launch(network, '192.0.2.11')];
  ping(first.path, '192.0.2.1');
  assert.ok(!isAnswered(first.path, '192.0.2.11'));
  assert.throws(() => macvlan.check(networkWith({ parent: 'wire0', macvlan_mode: 'passthru' })), {
    kind: 'permission-denied',
    message: `cannot use mode passthru, macvlan network ${network.id} is already using parent interface wire0`,
  });
  macvlan.check(networkWith({ parent: 'wire0', macvlan_mode: 'vepa' }));
});

test(
  'a network without parent reaches nothing but itself, and leaves no interface behind',
  withoutMacvlan,
  async () => {
    const network = await make({});
    const parent = `dm-${network.id.slice(0, 12)}`;
    const [first] = [await launch(network, '192.0.2.10'), await launch(network, '192.0.2.11')];
    ping(first.path, '192.0.2.11');
    assert.ok(!isAnswered(first.path, '192.0.2.1'));
    assert.ok(hostLinks().includes(parent));
    await macvlan.ensure(network);
    networks = [];
    await macvlan.remove(network);
    await macvlan.remove(network);
    assert.deepEqual(hostLinks(), ['lo', 'wire0']);
  },
);

test('a parent that somebody else made stays when the network goes', withoutMacvlan, async () => {
  ip('link', 'set', 'wire0', 'down');
  const network = await make({ parent: 'wire0' });
  assert.ok(JSON.parse(ip('-j', 'link', 'show', 'wire0'))[0].flags.includes('UP'));
  networks = [];
  await macvlan.remove(network);
  assert.deepEqual(hostLinks(), ['lo', 'wire0']);
});

test('a VLAN of the parent is made for the network and goes with the last that uses it', withoutVlans, async () => {
  const first = await make({ parent: 'wire0.50' });
  await make({ parent: 'wire0.50' });
  assert.equal(JSON.parse(ip('-j', '-d', 'link', 'show', 'wire0.50'))[0].linkinfo.info_data.id, 50);
  await launch(first, '192.0.2.10');
  networks.shift();
  await macvlan.remove(first);
  assert.ok(hostLinks().includes('wire0.50'));
});

test('where the kernel has no VLAN interfaces, it says so', { skip: hasVlans() && 'it has' }, async () => {
  const network = networkWith({ parent: 'wire0.50' });
  await assert.rejects(macvlan.ensure(network), {
    kind: 'unavailable',
    message: 'vlan is not available in this kernel',
  });
  assert.deepEqual(hostLinks(), ['lo', 'wire0']);
});

test('options that cannot be served are refused in the words of Docker', withoutMacvlan, () => {
  const refusals = [
    [{ parent: 'wire0', macvlan_mode: 'fast' }, /requested macvlan mode 'fast' is not valid, 'bridge' mode is/],
    [{ parent: 'lo' }, /^loopback interface is not a valid macvlan parent link$/],
    [{ parent: 'nowhere' }, /^invalid subinterface vlan name nowhere, example formatting is eth0.10$/],
    [{ parent: 'nowhere.5' }, /^-o parent interface was not found on the host: nowhere$/],
    [{ parent: 'wire0.4095' }, /^vlan id must be between 1-4094, received: 4095$/],
    [{ parent: 'wire0.x' }, /^unable to parse a valid vlan id from: x/],
  ] as const;
  for (const [options, message] of refusals) {
    assert.throws(() => macvlan.check(networkWith(options)), { kind: 'invalid-argument', message });
  }
});

test('ipvlan: one network for each parent, its modes, and a clear word where the kernel lacks it', () => {
  networks = [networkWith({ parent: 'wire0' }, 'ipvlan')];
  assert.throws(() => ipvlan.check(networkWith({ parent: 'wire0' }, 'ipvlan')), {
    kind: 'permission-denied',
    message: 'network dm-111111111111 is already using parent interface wire0',
  });
  assert.throws(() => ipvlan.check(networkWith({ ipvlan_mode: 'l4' }, 'ipvlan')), { kind: 'invalid-argument' });
  assert.throws(() => ipvlan.check(networkWith({ ipvlan_flag: 'none' }, 'ipvlan')), { kind: 'invalid-argument' });
  networks = [];
  if (lacks('ipvlan') === false) ipvlan.check(networkWith({ parent: 'wire0', ipvlan_mode: 'l3s' }, 'ipvlan'));
  else
    assert.throws(
      () => ipvlan.check(networkWith({}, 'ipvlan')),
      /^EngineError: ipvlan is not available in this kernel$/,
    );
});
