import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkHost } from './host-check.ts';

test('addresses and loopback names may be asked for', () => {
  for (const host of ['127.0.0.1:2375', 'localhost:2375', '[::1]:2375', '10.0.0.1']) checkHost(host, undefined);
  checkHost('localhost:2375', 'http://localhost:2375');
});

test('a name that could be rebound to this host is refused', () => {
  for (const host of ['attacker.example:2375', 'localhost.attacker.example', '', undefined]) {
    assert.throws(() => checkHost(host, undefined), { kind: 'permission-denied' });
  }
});

test('a request that a page of another origin caused is refused', () => {
  for (const origin of ['http://attacker.example', 'http://localhost:8080', 'null', 'nonsense']) {
    assert.throws(() => checkHost('localhost:2375', origin), { kind: 'permission-denied' });
  }
});
