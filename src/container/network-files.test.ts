import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editLines, hostsFileOf, hostsFileOfHost } from './hosts-file.ts';
import { resolvConfOf } from './resolv-conf.ts';

const network = { kind: 'network', name: 'bridge' } as const;
const asked = { mode: network, dns: [], dnsSearch: [], dnsOptions: [] };
const HOST = 'nameserver 127.0.0.53\nnameserver 9.9.9.9\nsearch lan\noptions edns0 trust-ad\n';

test("the default bridge gets the host's resolvers, without those on loopback", () => {
  assert.equal(resolvConfOf(asked, HOST, false), 'nameserver 9.9.9.9\nsearch lan\noptions edns0 trust-ad\n');
  const nothing = resolvConfOf(asked, '', false);
  assert.equal(nothing, 'nameserver 8.8.8.8\nnameserver 8.8.4.4\n');
  const onHost = resolvConfOf({ ...asked, mode: { kind: 'host' } }, HOST, false);
  assert.match(onHost, /^nameserver 127\.0\.0\.53$/m);
});

test('networks that users made get the name server, and look up short names there first', () => {
  assert.equal(
    resolvConfOf({ ...asked, dns: ['1.1.1.1'], dnsSearch: ['example.org'] }, HOST, true),
    'nameserver 127.0.0.11\nsearch example.org\noptions edns0 trust-ad ndots:0\n',
  );
  assert.match(resolvConfOf({ ...asked, dnsOptions: ['ndots:3'] }, HOST, true), /^options ndots:3$/m);
});

const facts = {
  hostname: 'web.example.org',
  domainname: '',
  endpoints: [{ ipv4Address: '172.18.0.2', ipv6Address: 'fd00::2' }],
  links: ['172.18.0.3\tdb'],
  extraHosts: ['gate:host-gateway', 'six:[fd00::9]'],
  hostAddress: '172.18.0.1',
  hostGateway: '172.18.0.1',
};

test('hosts has every address of the container, its links, what was added, and the host', () => {
  assert.deepEqual(hostsFileOf(facts).trimEnd().split('\n').slice(6), [
    '172.18.0.2\tweb.example.org web',
    'fd00::2\tweb.example.org web',
    '172.18.0.3\tdb',
    '172.18.0.1\thost.docker.internal',
    '172.18.0.1\tgate',
    'fd00::9\tsix',
  ]);
});

test('the host stands in hosts once: as asked, or nowhere where it cannot be reached', () => {
  const own = hostsFileOf({ ...facts, extraHosts: ['host.docker.internal:10.0.0.1'] });
  assert.equal(own.match(/host\.docker\.internal/g)?.length, 1);
  assert.doesNotMatch(hostsFileOf({ ...facts, hostAddress: undefined }), /host\.docker\.internal/);
  assert.equal(
    hostsFileOfHost('1.2.3.4\tx', ['a:5.6.7.8']),
    '1.2.3.4\tx\n127.0.0.1\thost.docker.internal\n5.6.7.8\ta\n',
  );
});

test('what a container has written into its files stays when our lines change', () => {
  const current = 'own 1\n172.18.0.2\tweb\nown 2\n';
  assert.equal(editLines(current, '172.18.0.2\tweb\n', '172.19.0.2\tweb\n'), 'own 1\nown 2\n172.19.0.2\tweb\n');
});
