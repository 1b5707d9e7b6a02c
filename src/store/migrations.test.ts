import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { MIGRATIONS } from './migrations.ts';

/** The step that gave containers their endpoints. */
const ENDPOINTS_STEP = MIGRATIONS.findIndex((step) => step.includes("'$.network.endpoints'"));

function migrated(network: object): unknown {
  using database = new DatabaseSync(':memory:');
  for (const step of MIGRATIONS.slice(0, ENDPOINTS_STEP)) database.exec(step);
  const insert = 'INSERT INTO containers (id, name, image_id, created_at, config) VALUES (?, ?, ?, ?, ?)';
  database.prepare(insert).run('1', 'one', 'i', 0, JSON.stringify({ hostname: 'h', network }));
  for (const step of MIGRATIONS.slice(ENDPOINTS_STEP)) database.exec(step);
  const row = database.prepare('SELECT config FROM containers').get() as { config: string };
  return (JSON.parse(row.config) as { network: unknown }).network;
}

test('containers of before keep their network, address and aliases', () => {
  const before = {
    mode: { kind: 'network', name: 'bridge' },
    macAddress: '02:42:00:00:00:01',
    aliases: ['a'],
    dns: ['1.1.1.1'],
  };
  const endpoint = {
    aliases: ['a'],
    links: [],
    gatewayPriority: 0,
    driverOptions: {},
    macAddress: '02:42:00:00:00:01',
  };
  assert.deepEqual(migrated(before), {
    mode: { kind: 'network', name: 'bridge' },
    dns: ['1.1.1.1'],
    ports: [],
    publishAll: false,
    endpoints: { bridge: endpoint },
  });
});

test('containers of before that have no network of their own have no endpoint either', () => {
  const joined = migrated({ mode: { kind: 'container', container: 'x' }, aliases: [] }) as { endpoints: object };
  assert.deepEqual(joined.endpoints, {});
  const host = migrated({ mode: { kind: 'host' }, aliases: [] }) as { endpoints: object };
  assert.deepEqual(Object.keys(host.endpoints), ['host']);
});
