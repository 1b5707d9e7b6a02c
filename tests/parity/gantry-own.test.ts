import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startRecorder } from './recorder.ts';

/** Commands that docker does not have, and what they ask for. */

const SNAPSHOTS = [
  { Id: '3f0c9a', Name: 'before', CreatedAt: '2026-11-20T10:11:12Z', Size: 2000 },
  { Id: '77aa01', Name: '', CreatedAt: '2026-11-20T11:11:12Z', Size: 0 },
];

test('snapshots of volumes are asked for where the API has them', async () => {
  await using recorder = await startRecorder({
    'POST /volumes/data/snapshots': { status: 201, body: SNAPSHOTS[0] },
    'GET /volumes/data/snapshots': { body: SNAPSHOTS },
    'DELETE /volumes/data/snapshots/*': { status: 204 },
    'POST /volumes/data/*': { status: 201, body: {} },
  });
  const ask = async (...args: readonly string[]) => {
    const { code, stdout, requests } = await recorder.gantry(['volume', ...args]);
    return [code, stdout, requests.map(({ method, path, body }) => [method, path, ...(body ? [body] : [])])];
  };
  assert.deepEqual(await ask('snapshot', '--name', 'before', 'data'), [
    0,
    '3f0c9a\n',
    [['POST', '/volumes/data/snapshots', { Name: 'before' }]],
  ]);
  assert.deepEqual(await ask('snapshots', '-q', 'data'), [0, '3f0c9a\n77aa01\n', [['GET', '/volumes/data/snapshots']]]);
  assert.deepEqual(await ask('snapshots', '--format', '{{.ID}} {{.Name}} {{.Size}}', 'data'), [
    0,
    '3f0c9a before 2kB\n77aa01  0B\n',
    [['GET', '/volumes/data/snapshots']],
  ]);
  assert.deepEqual(await ask('snapshots', '--rm', '77aa01', 'data'), [
    0,
    '77aa01\n',
    [['DELETE', '/volumes/data/snapshots/77aa01']],
  ]);
  assert.deepEqual(await ask('restore', 'data', '3f0c9a'), [
    0,
    'data\n',
    [['POST', '/volumes/data/restore', { Snapshot: '3f0c9a' }]],
  ]);
  assert.deepEqual(await ask('clone', '--label', 'a=b', 'data', 'copy'), [
    0,
    'copy\n',
    [['POST', '/volumes/data/clone', { Name: 'copy', Labels: { a: 'b' } }]],
  ]);
});

test('ports are changed by sending all that are wanted afterwards', async () => {
  const PortBindings = { '80/tcp': [{ HostIp: '', HostPort: '8080' }] };
  await using recorder = await startRecorder({
    'GET /containers/web/json': { body: { HostConfig: { PortBindings } } },
    'POST /containers/web/update': { body: { Warnings: null } },
  });
  const change = ['update', '--publish-add', '/run/web.sock:80', '--publish-add', '8443:443', 'web'];
  const { requests } = await recorder.gantry(change);
  assert.deepEqual((requests[1] as { readonly body: { readonly PortBindings: unknown } }).body.PortBindings, {
    '80/tcp': [...PortBindings['80/tcp'], { HostIp: '/run/web.sock', HostPort: '' }],
    '443/tcp': [{ HostIp: '', HostPort: '8443' }],
  });
  const missing = await recorder.gantry(['update', '--publish-rm', '1:80', 'web']);
  assert.deepEqual([missing.code, missing.stderr], [1, 'port 1:80 is not published: nothing to remove\n']);
});

test('prune goes on after y, and only then', async () => {
  await using recorder = await startRecorder({ 'POST /networks/prune': { body: { NetworksDeleted: ['old'] } } });
  for (const [answer, asks] of [
    ['y\n', 1],
    ['Y', 1],
    ['yes\n', 0],
    ['n\n', 0],
    ['', 0],
  ] as const) {
    const { code, stdout, requests } = await recorder.gantry(['network', 'prune'], answer);
    assert.deepEqual([code, requests.length], [0, asks], answer);
    assert.match(
      stdout,
      /^WARNING! This will remove all custom networks .*\nAre you sure you want to continue\? \[y\/N\] /,
    );
  }
});
