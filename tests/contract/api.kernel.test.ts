import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type ApiAnswer, startDaemon, type TestDaemon } from '../support/daemon.ts';
import { inThrowawayHost } from '../support/host.ts';
import { type MadeImage, writeBusyboxArchive } from '../support/image.ts';
import { type ApiSpec, missingSpec, openApiSpec } from './spec.ts';

inThrowawayHost();

/** What issues 2 and 3 list, by the specification's templates. */
const PROMISED = [
  'GET /_ping',
  'HEAD /_ping',
  'GET /version',
  'GET /info',
  'GET /events',
  'GET /system/df',
  'GET /containers/{id}/archive',
  'PUT /containers/{id}/archive',
  'POST /images/load',
  'GET /images/get',
  'GET /images/{name}/get',
  'GET /images/json',
  'GET /images/{name}/json',
  'GET /images/{name}/history',
  'POST /images/{name}/tag',
  'DELETE /images/{name}',
  'POST /containers/create',
  'POST /containers/{id}/start',
  'POST /containers/{id}/stop',
  'POST /containers/{id}/restart',
  'POST /containers/{id}/kill',
  'POST /containers/{id}/pause',
  'POST /containers/{id}/unpause',
  'POST /containers/{id}/wait',
  'POST /containers/{id}/rename',
  'POST /containers/{id}/resize',
  'POST /containers/{id}/attach',
  'DELETE /containers/{id}',
  'GET /containers/json',
  'GET /containers/{id}/json',
  'GET /containers/{id}/logs',
  'GET /containers/{id}/top',
  'GET /containers/{id}/stats',
  'POST /containers/{id}/exec',
  'POST /exec/{id}/start',
  'POST /exec/{id}/resize',
  'GET /exec/{id}/json',
  'GET /networks',
  'GET /networks/{id}',
  'DELETE /networks/{id}',
  'POST /networks/create',
  'POST /networks/{id}/connect',
  'POST /networks/{id}/disconnect',
  'POST /networks/prune',
  'POST /containers/{id}/update',
];

const SLEEP = { Image: 'busybox:test', Cmd: ['sleep', '3600'], StopSignal: 'SIGKILL' };

describe('answers of the API are as the specification says', { skip: missingSpec ?? false }, () => {
  let spec: ApiSpec;
  let daemon: TestDaemon;
  let image: MadeImage;
  let archive: string;

  before(async () => {
    spec = openApiSpec();
    daemon = await startDaemon(undefined);
    archive = join(tmpdir(), 'busybox.tar');
    image = writeBusyboxArchive(archive);
  });
  after(async () => {
    await daemon.stop();
  });

  /** One request whose answer must be as specified and have the expected status. */
  async function check(status: number, method: string, path: string, body?: unknown): Promise<ApiAnswer> {
    const answer = await daemon.api(method, `/v1.51${path}`, body);
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
    spec.assertMatches(method, path, answer.status, answer.body ?? answer.text);
    if (status === 204 || status === 304) assert.equal(answer.text, '');
    if (status >= 400) assert.deepEqual(Object.keys(answer.body as object), ['message']);
    return answer;
  }

  async function create(config: Readonly<Record<string, unknown>> = SLEEP, name?: string): Promise<string> {
    const query = name === undefined ? '' : `?name=${name}`;
    const answer = await check(201, 'POST', `/containers/create${query}`, config);
    return (answer.body as { Id: string }).Id;
  }

  async function startNew(config: Readonly<Record<string, unknown>> = SLEEP): Promise<string> {
    const id = await create(config);
    await check(204, 'POST', `/containers/${id}/start`);
    return id;
  }

  const remove = (id: string) => check(204, 'DELETE', `/containers/${id}?force=1&v=1`);

  test('system: ping, version, info', async () => {
    const ping = await check(200, 'GET', '/_ping');
    assert.equal(ping.text, 'OK');
    assert.equal(ping.headers['api-version'], '1.51');
    await check(200, 'HEAD', '/_ping');
    await check(200, 'GET', '/version');
    await check(200, 'GET', '/info');
  });

  test('images: load, list, inspect, history, tag, save, remove', async () => {
    await check(200, 'POST', '/images/load?quiet=1', readFileSync(archive));
    for (const query of ['', '?all=1', '?digests=1', '?shared-size=1', '?manifests=1']) {
      await check(200, 'GET', `/images/json${query}`);
    }
    await check(200, 'GET', `/images/json?filters=${encodeURIComponent('{"reference":["busybox"]}')}`);
    const inspected = await check(200, 'GET', '/images/busybox:test/json');
    assert.equal((inspected.body as { Id: string }).Id, image.id);
    await check(200, 'GET', '/images/busybox:test/history');
    await check(201, 'POST', '/images/busybox:test/tag?repo=localhost:5000/a/b&tag=c');
    await check(200, 'GET', '/images/localhost:5000/a/b:c/json');
    await check(200, 'GET', '/images/busybox:test/get');
    await check(200, 'GET', '/images/get?names=busybox:test&names=localhost:5000/a/b:c');
    await check(200, 'DELETE', '/images/localhost:5000/a/b:c');
  });

  test('images: what is not there, in use or not a reference', async () => {
    await check(404, 'GET', '/images/nothing:here/json');
    await check(404, 'GET', '/images/nothing:here/history');
    await check(404, 'DELETE', '/images/nothing:here');
    await check(404, 'POST', '/images/nothing:here/tag?repo=x&tag=y');
    await check(400, 'POST', '/images/busybox:test/tag?repo=lower/CASE&tag=y');
    const id = await startNew();
    await check(409, 'DELETE', `/images/${image.id}`);
    await remove(id);
  });

  test('containers: created, running, paused, exited, as list and inspect show them', async () => {
    const id = await create({ ...SLEEP, Labels: { a: 'b' }, Tty: true, OpenStdin: true, Env: ['A=1'] }, 'shown');
    const look = async () => {
      await check(200, 'GET', `/containers/${id}/json`);
      await check(200, 'GET', `/containers/${id}/json?size=1`);
      await check(200, 'GET', '/containers/json?all=1&size=1');
    };
    await look();
    await check(204, 'POST', `/containers/${id}/start`);
    await look();
    await check(304, 'POST', `/containers/${id}/start`);
    await check(200, 'POST', `/containers/${id}/resize?h=30&w=100`);
    await check(204, 'POST', `/containers/${id}/pause`);
    await look();
    await check(204, 'POST', `/containers/${id}/unpause`);
    await check(200, 'GET', `/containers/${id}/top`);
    await check(200, 'GET', `/containers/${id}/top?ps_args=-ef`);
    await check(200, 'GET', `/containers/${id}/stats?stream=0`);
    await check(200, 'GET', `/containers/${id}/stats?stream=0&one-shot=1`);
    await check(204, 'POST', `/containers/${id}/rename?name=renamed`);
    await check(204, 'POST', `/containers/renamed/restart?t=1`);
    await check(204, 'POST', `/containers/${id.slice(0, 12)}/kill?signal=KILL`);
    await check(200, 'POST', `/containers/${id}/wait`);
    await look();
    await check(304, 'POST', `/containers/${id}/stop`);
    await remove(id);
  });

  test('containers: limits, mounts, ports and security options come back as specified', async () => {
    const id = await create({
      ...SLEEP,
      User: '1000:1000',
      WorkingDir: '/tmp',
      HostConfig: {
        Memory: 64 * 1024 * 1024,
        NanoCpus: 500_000_000,
        PidsLimit: 100,
        Binds: [`${tmpdir()}:/mnt:ro`],
        Mounts: [{ Type: 'tmpfs', Target: '/scratch', TmpfsOptions: { SizeBytes: 1_048_576 } }],
        Tmpfs: { '/t': 'size=1m' },
        CapAdd: ['NET_ADMIN'],
        CapDrop: ['MKNOD'],
        SecurityOpt: ['no-new-privileges'],
        Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 200 }],
        ReadonlyRootfs: true,
        Init: true,
        RestartPolicy: { Name: 'no' },
        ExtraHosts: ['a:1.2.3.4'],
        Dns: ['1.2.3.4'],
      },
    });
    await check(204, 'POST', `/containers/${id}/start`);
    await check(200, 'GET', `/containers/${id}/json`);
    await check(200, 'GET', '/containers/json');
    await remove(id);
  });

  test('containers: stop, wait for each condition, logs', async () => {
    const id = await startNew({ Image: 'busybox:test', Cmd: ['sh', '-c', 'echo out; echo err >&2; exit 3'] });
    const waited = await check(200, 'POST', `/containers/${id}/wait?condition=not-running`);
    assert.equal((waited.body as { StatusCode: number }).StatusCode, 3);
    const logs = await daemon.api('GET', `/v1.51/containers/${id}/logs?stdout=1&stderr=1&timestamps=1`);
    assert.equal(logs.status, 200);
    assert.equal(logs.headers['content-type'], 'application/vnd.docker.multiplexed-stream');
    spec.assertMatches('GET', `/containers/${id}/logs`, logs.status, logs.text);
    const answer = await daemon.api('POST', `/v1.51/containers/${id}/attach?logs=1&stdout=1`);
    spec.assertMatches('POST', `/containers/${id}/attach`, answer.status, answer.text);
    await remove(id);
    const running = await startNew();
    await check(204, 'POST', `/containers/${running}/stop?t=1`);
    await remove(running);
  });

  test('networks: create, list, inspect, connect, disconnect, remove, prune', async () => {
    const created = await check(201, 'POST', '/networks/create', {
      Name: 'mine',
      CheckDuplicate: true,
      Driver: 'bridge',
      EnableIPv6: true,
      IPAM: {
        Driver: 'default',
        Config: [
          {
            Subnet: '10.80.0.0/16',
            IPRange: '10.80.1.0/24',
            Gateway: '10.80.0.9',
            AuxiliaryAddresses: { a: '10.80.1.0' },
          },
          { Subnet: 'fd00:80::/64' },
        ],
      },
      Options: { 'com.docker.network.driver.mtu': '1400' },
      Labels: { a: 'b' },
    });
    const { Id: network } = created.body as { Id: string };
    const container = await startNew({
      ...SLEEP,
      ExposedPorts: { '80/tcp': {}, '81/udp': {} },
      HostConfig: { NetworkMode: 'mine', PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] } },
      NetworkingConfig: { EndpointsConfig: { mine: { Aliases: ['a'], IPAMConfig: { IPv4Address: '10.80.1.7' } } } },
    });
    await check(200, 'GET', '/networks');
    await check(200, 'GET', `/networks?filters=${encodeURIComponent('{"driver":["bridge"],"label":["a=b"]}')}`);
    await check(200, 'GET', '/networks/mine?verbose=1');
    for (const name of ['bridge', 'host', 'none', network.slice(0, 12)]) await check(200, 'GET', `/networks/${name}`);
    await check(200, 'GET', `/containers/${container}/json`);
    await check(200, 'GET', '/containers/json');
    const endpoint = { Aliases: ['x'], GwPriority: 1, DriverOpts: {} };
    await check(200, 'POST', `/networks/${network}/disconnect`, { Container: container });
    await check(200, 'POST', '/networks/mine/connect', { Container: container, EndpointConfig: endpoint });
    await check(200, 'GET', `/containers/${container}/json`);
    await check(403, 'DELETE', '/networks/mine');
    await check(200, 'POST', `/containers/${container}/update`, {
      RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 },
      PortBindings: { '80/tcp': [{ HostPort: '' }] },
    });
    await check(200, 'GET', `/containers/${container}/json`);
    await remove(container);
    await check(204, 'DELETE', '/networks/mine');
    await check(201, 'POST', '/networks/create', { Name: 'unused' });
    const pruned = await check(200, 'POST', '/networks/prune');
    assert.deepEqual(pruned.body, { NetworksDeleted: ['unused'] });
  });

  test('networks: what is not there, taken, predefined or not allowed', async () => {
    const id = await startNew();
    await check(404, 'GET', '/networks/nothing');
    await check(404, 'DELETE', '/networks/nothing');
    await check(403, 'DELETE', '/networks/bridge');
    await check(403, 'POST', '/networks/create', { Name: 'bridge' });
    // A status that Docker gives and its specification forgot.
    await daemon.api('POST', '/v1.51/networks/create', { Name: 'taken' });
    assert.equal((await daemon.api('POST', '/v1.51/networks/create', { Name: 'taken' })).status, 409);
    await check(204, 'DELETE', '/networks/taken');
    await check(400, 'POST', '/networks/create', { Name: '' });
    await check(400, 'POST', '/networks/create', { Name: 'x', IPAM: { Config: [{ Subnet: 'nonsense' }] } });
    await check(404, 'POST', '/networks/create', { Name: 'x', Driver: 'nothing' });
    await check(404, 'POST', '/networks/nothing/connect', { Container: id });
    await check(404, 'POST', '/networks/bridge/connect', { Container: 'nothing' });
    await check(403, 'POST', '/networks/bridge/connect', { Container: id });
    await check(400, 'POST', '/networks/host/connect', { Container: id });
    await check(404, 'POST', '/networks/none/disconnect', { Container: id });
    await check(404, 'POST', '/containers/nothing/update', {});
    await remove(id);
  });

  test('exec: created, run, inspected', async () => {
    const id = await startNew();
    const options = { AttachStdout: true, AttachStderr: true, Cmd: ['sh', '-c', 'echo hi; exit 5'], Env: ['X=1'] };
    const created = await check(201, 'POST', `/containers/${id}/exec`, options);
    const { Id: exec } = created.body as { Id: string };
    await check(200, 'GET', `/exec/${exec}/json`);
    await check(200, 'POST', `/exec/${exec}/start`, { Detach: false, Tty: false });
    const inspected = await check(200, 'GET', `/exec/${exec}/json`);
    assert.equal((inspected.body as { ExitCode: number }).ExitCode, 5);
    const tty = await check(201, 'POST', `/containers/${id}/exec`, { Tty: true, Cmd: ['sleep', '60'] });
    const { Id: ttyExec } = tty.body as { Id: string };
    await check(200, 'POST', `/exec/${ttyExec}/start`, { Detach: true, Tty: true });
    await check(200, 'POST', `/exec/${ttyExec}/resize?h=20&w=60`);
    await remove(id);
    await check(404, 'POST', '/containers/nothing/exec', options);
    await check(404, 'POST', '/exec/nothing/start', {});
    await check(404, 'GET', '/exec/nothing/json');
  });

  test('containers: every error has a message and a status of the specification', async () => {
    for (const [method, path] of [
      ['GET', '/containers/nothing/json'],
      ['GET', '/containers/nothing/logs?stdout=1'],
      ['GET', '/containers/nothing/top'],
      ['GET', '/containers/nothing/stats?stream=0'],
      ['POST', '/containers/nothing/start'],
      ['POST', '/containers/nothing/stop'],
      ['POST', '/containers/nothing/restart'],
      ['POST', '/containers/nothing/kill'],
      ['POST', '/containers/nothing/pause'],
      ['POST', '/containers/nothing/unpause'],
      ['POST', '/containers/nothing/wait'],
      ['POST', '/containers/nothing/rename?name=x'],
      ['POST', '/containers/nothing/resize?h=1&w=1'],
      ['POST', '/containers/nothing/attach?stream=1&stdout=1'],
      ['DELETE', '/containers/nothing'],
      ['GET', '/containers/nothing/archive?path=/'],
      ['PUT', '/containers/nothing/archive?path=/'],
    ] as const) {
      const { body } = await check(404, method, path);
      assert.equal((body as { message: string }).message, 'No such container: nothing', `${method} ${path}`);
    }
    await check(404, 'POST', '/containers/create', { Image: 'nothing:here' });
    const id = await create(SLEEP, 'taken');
    await check(404, 'GET', `/containers/${id}/archive?path=/nothing`);
    await check(400, 'GET', `/containers/${id}/archive`);
    await check(400, 'PUT', `/containers/${id}/archive?path=/etc/passwd`);
    const { body } = await check(409, 'POST', '/containers/create?name=taken', SLEEP);
    assert.equal(
      (body as { message: string }).message,
      `Conflict. The container name "/taken" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
    await check(400, 'POST', '/containers/create?name=-bad!', SLEEP);
    await check(409, 'POST', `/containers/${id}/kill`);
    await check(204, 'POST', `/containers/${id}/start`);
    await check(409, 'DELETE', `/containers/${id}`);
    await remove(id);
  });

  test('disk usage: images, containers and volumes with what they take', async () => {
    const id = await create(SLEEP, 'measured');
    await daemon.api('POST', '/volumes/create', { Name: 'measured' });
    const { body } = await check(200, 'GET', '/system/df');
    const usage = body as Record<'Images' | 'Containers' | 'Volumes', readonly Record<string, unknown>[]>;
    const container = usage.Containers.find((one) => one.Id === id);
    const image = usage.Images.find((one) => one.Id === container?.ImageID);
    assert.ok(Number(image?.Containers) > 0 && Number(image?.Size) > 0);
    assert.equal(container?.SizeRootFs, image?.Size);
    const volume = usage.Volumes.find((one) => one.Name === 'measured');
    assert.deepEqual(volume?.UsageData, { Size: 0, RefCount: 0 });
    const { body: some } = await daemon.api('GET', '/v1.51/system/df?type=volume&type=container');
    assert.deepEqual(
      Object.entries(some as object).flatMap(([key, value]) => (value === null ? [key] : [])),
      ['Images', 'BuildCache'],
    );
    assert.equal((await daemon.api('GET', '/v1.51/system/df?type=nothing')).status, 400);
    await daemon.api('DELETE', '/volumes/measured');
    await remove(id);
  });

  test('events: each line is an event message', async () => {
    const since = Math.floor(Date.now() / 1000) - 3600;
    const answer = await daemon.api('GET', `/v1.51/events?since=${since}&until=${since + 3600}`);
    assert.equal(answer.status, 200);
    const lines = answer.text.trim().split('\n').filter(Boolean);
    assert.ok(lines.length > 10, answer.text);
    for (const line of lines) spec.assertMatches('GET', '/events', 200, JSON.parse(line));
  });

  test('what is not there yet answers 501 with a message, and what is no endpoint 404', async () => {
    const missing = await daemon.api('GET', '/v1.51/swarm');
    assert.equal(missing.status, 501);
    assert.match((missing.body as { message: string }).message, /\w+ \w+/);
    const nonsense = await daemon.api('GET', '/v1.51/nonsense');
    assert.equal(nonsense.status, 404);
    assert.deepEqual(nonsense.body, { message: 'page not found' });
  });

  test('an API version out of range is refused in words', async () => {
    const tooNew = await daemon.api('GET', '/v1.99/version');
    assert.equal(tooNew.status, 400);
    assert.match(tooNew.text, /client version 1\.99 is too new\. Maximum supported API version is 1\.51/);
    const tooOld = await daemon.api('GET', '/v1.10/version');
    assert.equal(tooOld.status, 400);
    assert.match(tooOld.text, /client version 1\.10 is too old\. Minimum supported API version is 1\.24/);
  });

  test('every endpoint that was promised has been checked', () => {
    const unchecked = PROMISED.filter((key) => !spec.checked.has(key));
    assert.deepEqual(unchecked, []);
  });
});
