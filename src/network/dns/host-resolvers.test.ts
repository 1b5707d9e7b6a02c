import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNameservers } from './host-resolvers.ts';

test('resolvers are read from resolv.conf as the C library reads them', () => {
  const text = `# nameserver 9.9.9.9
search example.com
nameserver 127.0.0.53
  nameserver\t2001:db8::1
nameserver fe80::1%eth0
nameserver nonsense
nameserver 192.0.2.1 # trailing
options ndots:2`;
  assert.deepEqual(parseNameservers(text), ['127.0.0.53', '2001:db8::1', 'fe80::1%eth0', '192.0.2.1']);
  assert.deepEqual(parseNameservers(''), []);
});
