import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ContainerId, newContainerId } from '#/base/ids.ts';
import type { NamedEndpoint, NamedNetwork } from './name-server.ts';
import { CLASS_IN, NOERROR, NXDOMAIN, TYPE_A, TYPE_AAAA, TYPE_ANY, TYPE_PTR } from './wire.ts';
import { type LocalAnswer, Zone } from './zone.ts';

const [WEB, DB, CACHE, STRANGER, LONELY] = Array.from({ length: 5 }, newContainerId) as [
  ContainerId,
  ContainerId,
  ContainerId,
  ContainerId,
  ContainerId,
];
const TYPE_SRV = 33;

const endpoint = (
  containerId: ContainerId,
  names: readonly string[],
  ipv4Address: string,
  more: Partial<NamedEndpoint> = {},
): NamedEndpoint => ({
  containerId,
  names,
  ipv4Address,
  ipv6Address: '',
  links: {},
  gateways: [],
  gatewayPriority: 0,
  ...more,
});
const network = (
  name: string,
  endpoints: readonly NamedEndpoint[],
  more: Partial<NamedNetwork> = {},
): NamedNetwork => ({ name, internal: false, servesNames: true, endpoints, ...more });

/** Two applications, each with a `web` and a `db`; `proxy` is on both networks. */
function makeZone(): Zone {
  const zone = new Zone();
  const web = endpoint(WEB, ['shop-web-1', 'web', '0123456789ab'], '10.1.0.2', {
    ipv6Address: 'fd00:1::2',
    gateways: ['10.1.0.1', 'fd00:1::1'],
    links: { Store: 'shop-db-1' },
  });
  const db = endpoint(DB, ['shop-db-1', 'DB'], '10.1.0.3');
  zone.setNetwork('n1', network('shop_default', [web, db]));
  zone.setNetwork('n2', network('blog', [endpoint(STRANGER, ['blog-web-1', 'web'], '10.2.0.2')]));
  zone.setNetwork('n3', network('vault', [endpoint(CACHE, ['cache'], '10.3.0.2')], { internal: true }));
  zone.setNetwork('n0', network('bridge', [endpoint(LONELY, ['lonely'], '172.17.0.2')], { servesNames: false }));
  return zone;
}

const ask = (zone: Zone, asker: ContainerId, name: string, type = TYPE_A) =>
  print(zone.answerContainer({ name, type, class: CLASS_IN }, asker));
const askHost = (zone: Zone, name: string, type = TYPE_A) => print(zone.answerHost({ name, type, class: CLASS_IN }));

/** Records as text; the number where it is an error, undefined where the name is not ours. */
function print(answer: LocalAnswer | undefined): readonly string[] | number | undefined {
  if (answer === undefined || answer.rcode !== NOERROR) return answer?.rcode;
  return answer.records.map(({ type, data }) => {
    const bytes = Buffer.from(data);
    return type === TYPE_PTR ? printName(bytes) : type === TYPE_A ? bytes.join('.') : bytes.toString('hex');
  });
}

function printName(bytes: Buffer): string {
  const labels: string[] = [];
  for (let at = 0; bytes[at]; at += (bytes[at] ?? 0) + 1) {
    labels.push(bytes.toString('latin1', at + 1, at + 1 + (bytes[at] ?? 0)));
  }
  return labels.join('.');
}

test('containers of one network find each other by name, id and alias, with and without the network behind it', () => {
  const zone = makeZone();
  assert.deepEqual(ask(zone, DB, 'shop-web-1'), ['10.1.0.2']);
  assert.deepEqual(ask(zone, DB, 'web'), ['10.1.0.2']);
  assert.deepEqual(ask(zone, DB, '0123456789ab'), ['10.1.0.2']);
  assert.deepEqual(ask(zone, DB, 'web.shop_default'), ['10.1.0.2']);
  assert.deepEqual(ask(zone, DB, 'web.gantry.internal'), ['10.1.0.2']);
  assert.deepEqual(ask(zone, DB, 'web.shop_default.gantry.internal'), ['10.1.0.2']);
  assert.deepEqual(ask(zone, WEB, 'db'), ['10.1.0.3'], 'names that were written in capitals too');
});

test('a name that is known has no other data than its own; an unknown one is none of ours', () => {
  const zone = makeZone();
  assert.deepEqual(ask(zone, WEB, 'db', TYPE_AAAA), []);
  assert.deepEqual(ask(zone, WEB, 'db', TYPE_SRV), []);
  assert.deepEqual(ask(zone, DB, 'web', TYPE_AAAA), ['fd000001000000000000000000000002']);
  assert.equal((ask(zone, DB, 'web', TYPE_ANY) as readonly string[]).length, 2);
  assert.equal(ask(zone, WEB, 'example.com'), undefined);
  assert.equal(ask(zone, WEB, ''), undefined);
});

test('nothing of other networks is told, not by name, not by address, not in the domain of the host', () => {
  const zone = makeZone();
  for (const name of ['blog-web-1', 'web.blog', 'cache', 'lonely']) assert.equal(ask(zone, DB, name), undefined);
  assert.equal(ask(zone, DB, '2.0.2.10.in-addr.arpa', TYPE_PTR), undefined);
  for (const name of ['blog-web-1.gantry.internal', 'web.blog.gantry.internal', 'gantry.internal']) {
    assert.equal(ask(zone, DB, name), NXDOMAIN);
  }
  assert.equal(ask(zone, newContainerId(), 'web'), undefined);
});

test('the default bridge serves no names to its containers, but the host knows them', () => {
  const zone = makeZone();
  assert.equal(ask(zone, LONELY, 'lonely'), undefined);
  assert.deepEqual(askHost(zone, 'lonely.gantry.internal'), ['172.17.0.2']);
});

test('addresses lead back to names', () => {
  const zone = makeZone();
  assert.deepEqual(ask(zone, DB, '2.0.1.10.in-addr.arpa', TYPE_PTR), ['shop-web-1.shop_default']);
  const digits = 'fd000001000000000000000000000002'.split('').reverse().join('.');
  assert.deepEqual(ask(zone, DB, `${digits}.ip6.arpa`, TYPE_PTR), ['shop-web-1.shop_default']);
  assert.deepEqual(askHost(zone, `${digits}.ip6.arpa`, TYPE_PTR), ['shop-web-1.gantry.internal']);
  for (const name of ['999.0.1.10.in-addr.arpa', '1.10.in-addr.arpa', 'x.ip6.arpa', '9.9.9.9.in-addr.arpa']) {
    assert.equal(ask(zone, DB, name, TYPE_PTR), undefined, name);
  }
});

test('replicas that share an alias take turns at being the first', () => {
  const zone = new Zone();
  const replicas = Array.from({ length: 3 }, (_, i) =>
    endpoint(newContainerId(), [`app-${i}`, 'app'], `10.1.0.${i + 2}`),
  );
  zone.setNetwork('n1', network('n', [endpoint(WEB, ['web'], '10.1.0.9'), ...replicas]));
  const firsts = new Set<string>();
  for (let i = 0; i < 100; i++) {
    const addresses = ask(zone, WEB, 'app') as readonly string[];
    assert.deepEqual(addresses.toSorted(), ['10.1.0.2', '10.1.0.3', '10.1.0.4']);
    firsts.add(addresses[0] ?? '');
  }
  assert.equal(firsts.size, 3);
});

test('links are names that only their container uses', () => {
  const zone = makeZone();
  assert.deepEqual(ask(zone, WEB, 'store'), ['10.1.0.3']);
  assert.equal(ask(zone, DB, 'store'), undefined);
});

test('the host has names in every container that has a gateway', () => {
  const zone = makeZone();
  for (const name of ['host.docker.internal', 'gateway.docker.internal', 'host.gantry.internal']) {
    assert.deepEqual(ask(zone, WEB, name), ['10.1.0.1']);
    assert.deepEqual(ask(zone, WEB, name, TYPE_AAAA), ['fd000001000000000000000000000001']);
    assert.deepEqual(ask(zone, CACHE, name), []);
  }
});

test('a name that several networks of the container know is that of its gateway, then of the first by name', () => {
  const zone = makeZone();
  const proxy = newContainerId();
  const on = (address: string, gatewayPriority = 0) => endpoint(proxy, ['proxy'], address, { gatewayPriority });
  const shop = [on('10.1.0.8'), endpoint(WEB, ['web'], '10.1.0.2')];
  zone.setNetwork('n1', network('shop_default', shop));
  zone.setNetwork('n2', network('blog', [on('10.2.0.8'), endpoint(STRANGER, ['web'], '10.2.0.2')]));
  assert.deepEqual(ask(zone, proxy, 'web'), ['10.2.0.2']);
  assert.deepEqual(ask(zone, proxy, 'web.shop_default'), ['10.1.0.2']);
  zone.setNetwork('n1', network('shop_default', [on('10.1.0.8', 5), ...shop.slice(1)]));
  assert.deepEqual(ask(zone, proxy, 'web'), ['10.1.0.2']);
});

test('only containers with a network that is not internal reach out', () => {
  const zone = makeZone();
  assert.equal(zone.mayReachOut(WEB), true);
  assert.equal(zone.mayReachOut(LONELY), true);
  assert.equal(zone.mayReachOut(CACHE), false);
  assert.equal(zone.mayReachOut(newContainerId()), false);
});

test('what changes is known at once, and a network without endpoints is forgotten', () => {
  const zone = makeZone();
  assert.deepEqual(ask(zone, WEB, 'db'), ['10.1.0.3']);
  zone.setNetwork('n1', network('shop_default', [endpoint(WEB, ['renamed'], '10.1.0.2')]));
  assert.equal(ask(zone, WEB, 'db'), undefined);
  assert.deepEqual(ask(zone, WEB, 'renamed'), ['10.1.0.2']);
  zone.setNetwork('n1', network('shop_default', []));
  assert.equal(ask(zone, WEB, 'renamed'), undefined);
});

test('the host asks for all containers, and a container comes before whoever has its name as an alias', () => {
  const zone = makeZone();
  assert.deepEqual(askHost(zone, 'shop-db-1.gantry.internal'), ['10.1.0.3']);
  assert.deepEqual(askHost(zone, 'web.blog.gantry.internal'), ['10.2.0.2']);
  assert.deepEqual(askHost(zone, 'web.shop_default.gantry.internal'), ['10.1.0.2']);
  zone.setNetwork('n9', network('zoo', [endpoint(newContainerId(), ['web'], '10.9.0.2')]));
  assert.deepEqual(askHost(zone, 'web.gantry.internal'), ['10.9.0.2']);
  assert.equal(askHost(zone, 'nobody.gantry.internal'), NXDOMAIN);
  assert.deepEqual(askHost(zone, 'gantry.internal'), []);
  assert.equal(askHost(zone, 'shop-db-1'), undefined);
  assert.equal(askHost(zone, 'example.com'), undefined);
});
