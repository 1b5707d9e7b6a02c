import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type ApiAnswer, startDaemon, type TestDaemon } from '../support/daemon.ts';
import { inThrowawayHost } from '../support/host.ts';
import { writeBusyboxArchive } from '../support/image.ts';
import { type ApiSpec, missingSpec, openApiSpec } from './spec.ts';

inThrowawayHost();

const filters = (value: object): string => `filters=${encodeURIComponent(JSON.stringify(value))}`;

describe('answers about volumes are as the specification says', { skip: missingSpec ?? false }, () => {
  let spec: ApiSpec;
  let daemon: TestDaemon;

  before(async () => {
    spec = openApiSpec();
    daemon = await startDaemon(undefined);
    const archive = join(tmpdir(), 'busybox.tar');
    writeBusyboxArchive(archive);
    assert.equal((await daemon.api('POST', '/images/load?quiet=1', readFileSync(archive))).status, 200);
  });
  after(async () => {
    await daemon.stop();
  });

  /** One request whose answer must be as specified and have the expected status. */
  async function check(status: number, method: string, path: string, body?: unknown): Promise<ApiAnswer> {
    const answer = await daemon.api(method, `/v1.51${path}`, body);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
    spec.assertMatches(method, path, answer.status, answer.body ?? answer.text);
    return answer;
  }

  /** A refusal that the specification does not list although Docker answers so. */
  async function refuses(status: number, method: string, path: string, message: string | RegExp, body?: unknown) {
    const answer = await daemon.api(method, `/v1.51${path}`, body);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
    const said = (answer.body as { message: string }).message;
    if (typeof message === 'string') assert.equal(said, message);
    else assert.match(said, message);
  }

  test('create, list, inspect and remove', async () => {
    const asked = { Name: 'one', Labels: { a: 'b' }, DriverOpts: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' } };
    const created = await check(201, 'POST', '/volumes/create', asked);
    const { body } = await check(200, 'GET', '/volumes/one');
    assert.deepEqual(body, created.body);
    assert.deepEqual((body as { Options: object }).Options, asked.DriverOpts);
    assert.deepEqual((await check(201, 'POST', '/volumes/create', asked)).body, body);
    const anonymous = (await check(201, 'POST', '/volumes/create', {})).body as { Name: string };
    assert.match(anonymous.Name, /^[0-9a-f]{64}$/);
    const list = await check(200, 'GET', `/volumes?${filters({ name: ['one'] })}`);
    assert.deepEqual(list.body, { Volumes: [body], Warnings: null });
    await check(204, 'DELETE', '/volumes/one');
    await check(404, 'GET', '/volumes/one');
    await check(404, 'DELETE', '/volumes/one');
    await check(204, 'DELETE', '/volumes/one?force=true');
    await check(200, 'POST', '/volumes/prune');
  });

  test('a container of a volume, its mounts, and the volume in use', async () => {
    const HostConfig = {
      Binds: ['two:/two:ro'],
      Mounts: [
        { Type: 'volume', Target: '/three', VolumeOptions: { NoCopy: true, Labels: { x: 'y' } } },
        { Type: 'image', Source: 'busybox:test', Target: '/four' },
      ],
    };
    const config = { Image: 'busybox:test', Cmd: ['true'], Volumes: { '/five': {} }, HostConfig };
    const { body } = await check(201, 'POST', '/containers/create', config);
    const { Id } = body as { Id: string };
    await check(200, 'GET', `/containers/${Id}/json`);
    await check(200, 'GET', '/containers/json?all=1');
    await check(409, 'DELETE', '/volumes/two');
    await check(409, 'DELETE', '/volumes/two?force=1');
    const dangling = await check(200, 'GET', `/volumes?${filters({ dangling: ['true'] })}`);
    assert.deepEqual((dangling.body as { Volumes: object[] }).Volumes, []);
    await check(204, 'DELETE', `/containers/${Id}?v=1`);
    const left = (await check(200, 'GET', '/volumes')).body as { Volumes: { Name: string }[] };
    assert.deepEqual(
      left.Volumes.map(({ Name }) => Name),
      ['two'],
    );
  });

  test('prune: anonymous ones, all on demand, and all for clients of before 1.42', async () => {
    const prune = async (version: string, query = '') =>
      (await daemon.api('POST', `/${version}/volumes/prune?${query}`)).body as { VolumesDeleted: string[] | null };
    assert.equal((await prune('v1.51')).VolumesDeleted, null);
    assert.deepEqual((await prune('v1.41')).VolumesDeleted, ['two']);
    await check(201, 'POST', '/volumes/create', { Name: 'keep', Labels: { keep: '1' } });
    await check(201, 'POST', '/volumes/create', { Name: 'drop' });
    const query = filters({ all: ['true'], 'label!': ['keep'] });
    assert.deepEqual((await check(200, 'POST', `/volumes/prune?${query}`)).body, {
      VolumesDeleted: ['drop'],
      SpaceReclaimed: 0,
    });
    await check(204, 'DELETE', '/volumes/keep');
  });

  test('what is refused', async () => {
    await refuses(400, 'POST', '/volumes/create', /includes invalid characters/, { Name: '../up' });
    await refuses(400, 'POST', '/volumes/create', 'create xx: invalid option: "nope"', {
      Name: 'xx',
      DriverOpts: { nope: '' },
    });
    await refuses(
      404,
      'POST',
      '/volumes/create',
      'create xx: error looking up volume plugin nope: plugin "nope" not found',
      {
        Name: 'xx',
        Driver: 'nope',
      },
    );
    await refuses(400, 'GET', `/volumes?${filters({ bogus: ['x'] })}`, "invalid filter 'bogus'");
    await refuses(404, 'GET', '/volumes/..%2f..%2fetc', 'get ../../etc: no such volume');
    await refuses(404, 'DELETE', '/volumes/%2e%2e%2fcontainers', 'get ../containers: no such volume');
    await check(503, 'PUT', '/volumes/one?version=1', { Spec: {} });
    // Not 404: clients would take that for a missing image.
    const container = { Image: 'busybox:test', HostConfig: { Binds: ['xx:/x'], VolumeDriver: 'nope' } };
    await refuses(400, 'POST', '/containers/create', /plugin "nope" not found/, container);
    await refuses(400, 'POST', '/containers/create', /--storage-opt/, {
      Image: 'busybox:test',
      HostConfig: { StorageOpt: { size: '1G' } },
    });
    assert.deepEqual((await check(200, 'GET', '/containers/json?all=1')).body, []);
  });

  test('events of volumes are event messages', async () => {
    const now = Math.floor(Date.now() / 1000);
    const query = `since=${now - 3600}&until=${now + 1}&${filters({ type: ['volume'] })}`;
    const lines = (await daemon.api('GET', `/v1.51/events?${query}`)).text.trim().split('\n');
    assert.ok(lines.length > 5);
    for (const line of lines) spec.assertMatches('GET', '/events', 200, JSON.parse(line));
  });
});
