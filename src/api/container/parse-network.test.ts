import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CreateContainerBody } from '#/spec/docker-api/create-container.ts';
import { checkBody } from '../validate.ts';
import { parseNetwork } from './parse-network.ts';
import { parseExposedPorts, parsePortMap } from './parse-ports.ts';
import { printPortBindings } from './print-ports.ts';

function parse(body: { HostConfig?: object; NetworkingConfig?: object; MacAddress?: string }) {
  const checked = checkBody(CreateContainerBody, { Image: 'x', HostConfig: {}, ...body });
  assert.ok(checked.HostConfig);
  return parseNetwork(checked, checked.HostConfig);
}

const onNetworks = (EndpointsConfig: object, NetworkMode?: string) =>
  parse({ HostConfig: { NetworkMode }, NetworkingConfig: { EndpointsConfig } });

test('a container that names no network is on the default bridge', () => {
  for (const NetworkMode of [undefined, '', 'default', 'bridge']) {
    const { mode, endpoints } = parse({ HostConfig: { NetworkMode } });
    assert.deepEqual(mode, { kind: 'network', name: 'bridge' });
    assert.deepEqual(Object.keys(endpoints), ['bridge']);
  }
});

test('several networks are kept with all that was asked for on each, that of the mode first', () => {
  const { endpoints } = onNetworks(
    {
      back: { Aliases: ['db'], GwPriority: 5, DriverOpts: { a: 'b' } },
      front: { IPAMConfig: { IPv4Address: '10.0.0.5', IPv6Address: 'fd00::5' }, MacAddress: '02:42:00:00:00:05' },
    },
    'front',
  );
  assert.deepEqual(Object.keys(endpoints), ['front', 'back']);
  assert.deepEqual(endpoints.front, {
    aliases: [],
    links: [],
    macAddress: '02:42:00:00:00:05',
    ipv4Address: '10.0.0.5',
    ipv6Address: 'fd00::5',
    gatewayPriority: 0,
    driverOptions: {},
  });
  assert.deepEqual([endpoints.back?.aliases, endpoints.back?.gatewayPriority], [['db'], 5]);
});

test('networks without a mode are the only ones, and `default` means the bridge', () => {
  assert.deepEqual(Object.keys(onNetworks({ mine: null }).endpoints), ['mine']);
  assert.deepEqual(Object.keys(onNetworks({ default: {}, mine: {} }).endpoints), ['bridge', 'mine']);
  assert.deepEqual(Object.keys(onNetworks({ other: {} }, 'mine').endpoints), ['mine', 'other']);
});

test('links and a hardware address that belong to no network belong to the main one', () => {
  const { endpoints } = parse({ HostConfig: { Links: ['db:sql'] }, MacAddress: '02:42:00:00:00:05' });
  assert.deepEqual([endpoints.bridge?.links, endpoints.bridge?.macAddress], [['db:sql'], '02:42:00:00:00:05']);
});

test('who joins a container has no endpoint, and one without network the endpoint of none', () => {
  assert.deepEqual(onNetworks({ 'container:x': {} }, 'container:x').endpoints, {});
  assert.deepEqual(Object.keys(onNetworks({}, 'none').endpoints), ['none']);
});

test('ports are read in all their forms and printed as they were asked for', () => {
  const asked = {
    '80/tcp': [
      { HostIp: '', HostPort: '8080' },
      { HostIp: '::1', HostPort: '8000-8010' },
    ],
    '53/udp': [{ HostIp: '127.0.0.1', HostPort: '' }],
    '9/sctp': [{ HostIp: '/run/x.sock', HostPort: '' }],
  };
  const ports = parsePortMap(asked);
  assert.deepEqual(ports[1], {
    protocol: 'tcp',
    containerPort: 80,
    hostAddress: '::1',
    hostPort: 8000,
    hostPortEnd: 8010,
  });
  assert.deepEqual(printPortBindings(ports), asked);
  assert.deepEqual(parsePortMap({ 81: [{ HostIp: undefined, HostPort: '0' }], '82/tcp': undefined }), [
    { protocol: 'tcp', containerPort: 81, hostAddress: '', hostPort: 0, hostPortEnd: 0 },
  ]);
});

test('ranges of exposed ports become single ones', () => {
  assert.deepEqual(parseExposedPorts(['80', '8000-8002/udp']), ['80/tcp', '8000/udp', '8001/udp', '8002/udp']);
});

test('what is no port, protocol or address is refused', () => {
  for (const key of ['x', '0', '65536', '80/xyz', '90-80', '-1', '80/tcp/udp', '']) {
    assert.throws(() => parseExposedPorts([key]), { message: `invalid port specification: ${JSON.stringify(key)}` });
  }
  const bind = (HostIp: string, HostPort: string) => parsePortMap({ '80/tcp': [{ HostIp, HostPort }] });
  assert.throws(() => bind('', '70000'), { message: 'invalid port specification: "70000"' });
  assert.throws(() => bind('here', '80'), { message: 'invalid IP address: here' });
});
