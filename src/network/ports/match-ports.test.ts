import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PortBinding, PublishedPort } from '../network.ts';
import type { HeldPort } from './hold-port.ts';
import { matchPorts } from './match-ports.ts';
import { planRoute } from './plan-binding.ts';
import type { PortTarget } from './ports.ts';

const target = (ipv4Address = '172.18.0.2', ipv6Address = ''): PortTarget => ({
  ipv4Address,
  ipv6Address,
  defaultHostAddress: '0.0.0.0',
  internal: false,
  sandboxPath: '/netns',
});
const bind = (hostPort: number, containerPort = 80, extra: Partial<PortBinding> = {}): PortBinding => ({
  protocol: 'tcp',
  containerPort,
  hostAddress: '',
  hostPort,
  hostPortEnd: hostPort,
  ...extra,
});
const held = (hostAddress: string, hostPort: number, containerPort = 80): HeldPort => {
  const port: PublishedPort = { protocol: 'tcp', containerPort, hostAddress, hostPort };
  return { port, route: planRoute(port, target(), 'open'), release: async () => {} };
};
const match = (before: readonly HeldPort[], ...bindings: PortBinding[]) => {
  const { kept, missing } = matchPorts(before, bindings, target(), 'open');
  return { kept: kept.map(({ port }) => `${port.hostAddress} ${port.hostPort} ${port.containerPort}`), missing };
};

test('what is open already serves its binding, at both addresses, also where any number does', () => {
  const before = [held('0.0.0.0', 8080), held('::', 8080)];
  for (const binding of [bind(8080), bind(0), bind(8000, 80, { hostPortEnd: 8100 })]) {
    assert.deepEqual(match(before, binding), { kept: ['0.0.0.0 8080 80', ':: 8080 80'], missing: [] });
  }
  assert.deepEqual(match(before, bind(8081)), { kept: [], missing: [bind(8081)] });
  assert.deepEqual(match(before, bind(0, 81)), { kept: [], missing: [bind(0, 81)] });
});

test('each open port serves one binding, those that want a number first', () => {
  const before = [held('0.0.0.0', 40000), held('0.0.0.0', 40001)];
  assert.deepEqual(match(before, bind(0), bind(40000)), {
    kept: ['0.0.0.0 40000 80', '0.0.0.0 40001 80'],
    missing: [],
  });
  assert.deepEqual(match(before.slice(0, 1), bind(0), bind(40000)).missing, [bind(0)]);
});

test('a port of the host stays when it is to lead to another port of the container', () => {
  assert.deepEqual(match([held('0.0.0.0', 8080)], bind(8080, 81)), { kept: ['0.0.0.0 8080 81'], missing: [] });
});

test('a relay starts anew when the container has another address, a rule just changes', () => {
  const { kept } = matchPorts([held('0.0.0.0', 8080), held('::', 8080)], [bind(8080)], target('172.18.0.9'), 'open');
  assert.deepEqual(
    kept.map(({ port, relayMoves }) => [port.hostAddress, relayMoves]),
    [
      ['0.0.0.0', false],
      ['::', true],
    ],
  );
});

test('the kernel leads what it can, relays the rest, and in host-firewall mode everything', () => {
  const ways = (hostAddress: string, mode: 'open' | 'host-firewall', ipv6 = '') => {
    const port = { protocol: 'tcp', containerPort: 80, hostAddress, hostPort: 8080 } as const;
    const { forward, relay } = planRoute(port, target('172.18.0.2', ipv6), mode);
    return [forward?.containerAddress, relay?.address];
  };
  assert.deepEqual(ways('0.0.0.0', 'open'), ['172.18.0.2', undefined]);
  assert.deepEqual(ways('::', 'open'), [undefined, '172.18.0.2']);
  assert.deepEqual(ways('::', 'open', 'fd00::2'), ['fd00::2', 'fd00::2']);
  assert.deepEqual(ways('::1', 'open', 'fd00::2'), [undefined, 'fd00::2']);
  assert.deepEqual(ways('127.0.0.1', 'open'), ['172.18.0.2', undefined]);
  assert.deepEqual(ways('0.0.0.0', 'host-firewall'), [undefined, '172.18.0.2']);
  assert.deepEqual(ways('/run/x.sock', 'host-firewall'), [undefined, '172.18.0.2']);
});

test('sctp is not relayed', () => {
  const port = { protocol: 'sctp', containerPort: 80, hostAddress: '0.0.0.0', hostPort: 8080 } as const;
  assert.throws(() => planRoute(port, target(), 'host-firewall'), { kind: 'not-implemented' });
});
