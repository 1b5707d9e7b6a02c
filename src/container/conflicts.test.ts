import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkEndpoint } from './check-endpoint.ts';
import type { ContainerSpec, EndpointSettings, NetworkSettings } from './config.ts';
import { refuseConflicts } from './conflicts.ts';
import { emptySpec } from './testing/spec.ts';

const { bridge } = emptySpec('x').network.endpoints;
const endpoint = (over: Partial<EndpointSettings> = {}): EndpointSettings => {
  assert.ok(bridge);
  return { ...bridge, ...over };
};
const PORT = { protocol: 'tcp', containerPort: 80, hostAddress: '', hostPort: 0, hostPortEnd: 0 } as const;

function refused(network: Partial<NetworkSettings>, over: Partial<ContainerSpec> = {}): string {
  const spec = emptySpec('x');
  try {
    refuseConflicts({ ...spec, ...over, network: { ...spec.network, endpoints: {}, ...network } });
  } catch (error) {
    return String(error);
  }
  return '';
}

test('nothing of its own can be asked for in the network of another container', () => {
  const mode = { kind: 'container', container: 'y' } as const;
  assert.equal(refused({ mode }), '');
  assert.match(refused({ mode }, { hostname: 'h' }), /conflicting options: hostname and the network mode/);
  assert.match(refused({ mode, ports: [PORT] }), /port publishing and the container type network mode/);
  assert.match(refused({ mode, publishAll: true }), /port publishing and the container type network mode/);
  assert.match(refused({ mode }, { exposedPorts: ['80/tcp'] }), /port exposing and the container type network mode/);
  const linked = { container: endpoint({ links: ['a'] }) };
  assert.match(refused({ mode, endpoints: linked }), /container type network can't be used with links/);
  assert.match(refused({ mode, endpoints: { mine: endpoint() } }), /cannot be connected to any other network/);
});

test("the host's network and none are alone, the host's without links", () => {
  const host = { kind: 'host' } as const;
  assert.equal(refused({ mode: host, endpoints: { host: endpoint() }, ports: [PORT] }), '');
  assert.match(
    refused({ mode: host, endpoints: { host: endpoint({ links: ['a'] }) } }),
    /host type networking can't be/,
  );
  assert.match(refused({ mode: host, endpoints: { mine: endpoint() } }), /cannot be connected to any other network/);
  const both = { none: endpoint(), mine: endpoint() };
  assert.match(refused({ mode: { kind: 'none' }, endpoints: both }), /in private \(none\) mode/);
});

test('addresses and aliases are for networks that users made, and addresses within them', () => {
  const check = (name: string, over: Partial<EndpointSettings>, pools?: readonly string[]): string => {
    const ipam = pools?.map((subnet) => ({ subnet, gateway: '' }));
    try {
      checkEndpoint(name, endpoint(over), ipam === undefined ? undefined : ({ ipam } as never));
    } catch (error) {
      return String(error);
    }
    return '';
  };
  assert.match(
    check('bridge', { ipv4Address: '172.17.0.9' }),
    /user specified IP address is supported on user defined/,
  );
  assert.match(
    check('bridge', { aliases: ['a'] }),
    /network-scoped aliases are only supported for user-defined networks/,
  );
  assert.match(check('mine', { ipv4Address: '1.2.3' }), /invalid IPv4 address: 1\.2\.3/);
  assert.match(
    check('mine', { ipv4Address: 'fd00::1', macAddress: 'x' }),
    /\* invalid MAC address: x\n\* invalid IPv4/,
  );
  assert.match(
    check('mine', { ipv6Address: 'fd01::1' }, ['10.0.0.0/8', 'fd00::/64']),
    /no configured subnet or ip-range/,
  );
  assert.equal(check('mine', { ipv4Address: '10.1.1.1', ipv6Address: 'fd00::9' }, ['10.0.0.0/8', 'fd00::/64']), '');
  assert.equal(check('mine', { ipv4Address: '10.1.1.1' }, []), '');
});
