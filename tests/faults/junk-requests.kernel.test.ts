import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ApiAnswer, startDaemon, type TestDaemon } from '../support/daemon.ts';
import { inThrowawayHost } from '../support/host.ts';
import { isLongRun, type Random, seededRandom } from '../support/random.ts';
import { busyboxArchive, createBody, expectApi, loadImage, removeEverything, runContainer } from './api.ts';
import { assertNothingLeaked, type LastingWorld, settledWorld } from './leaks.ts';

inThrowawayHost();

let daemon: TestDaemon;
let empty: LastingWorld;
const REQUESTS = isLongRun ? 20_000 : 1500;

before(async () => {
  daemon = await startDaemon(undefined);
  empty = await settledWorld(daemon);
  await loadImage(daemon, busyboxArchive());
  await runContainer(daemon, { name: 'victim', command: ['sleep', '1000'] });
});

after(async () => {
  try {
    await removeEverything(daemon);
    await assertNothingLeaked(daemon, empty);
  } finally {
    await daemon.stop();
  }
});

const PATHS = [
  'GET /_ping',
  'GET /version',
  'GET /info',
  'GET /containers/json',
  'GET /containers/ID/json',
  'GET /containers/ID/top',
  'GET /containers/ID/logs',
  'GET /containers/ID/stats?stream=0',
  'GET /containers/ID/changes',
  'POST /containers/ID/resize',
  'POST /containers/ID/pause',
  'POST /containers/ID/unpause',
  'POST /containers/ID/rename',
  'POST /containers/ID/kill',
  'POST /containers/ID/exec',
  'POST /exec/ID/start',
  'POST /exec/ID/resize',
  'GET /exec/ID/json',
  'GET /images/json',
  'GET /images/ID/json',
  'GET /images/ID/history',
  'POST /images/ID/tag',
  'GET /events?until=1',
  'POST /images/load',
  'POST /images/create',
  'GET /networks',
  'GET /networks/ID',
  'DELETE /networks/ID',
  'POST /networks/create',
  'POST /networks/ID/connect',
  'POST /networks/ID/disconnect',
  'POST /containers/ID/update',
  'GET /volumes',
  'DELETE /images/ID',
  'PUT /containers/ID/archive',
];

const WORDS = [
  '',
  'victim',
  'nothing',
  '%00',
  '..%2f..%2fetc',
  '%',
  '%zz',
  'a'.repeat(3000),
  '%F0%9F%92%A5',
  '0',
  '/',
  'busybox:test@',
  'sha256:',
  '-1',
  '{}',
  '[]',
];
const KEYS = [
  'all',
  'limit',
  'filters',
  'size',
  'since',
  'until',
  'tail',
  'h',
  'w',
  'signal',
  't',
  'name',
  'ps_args',
  'stdout',
  'repo',
  'tag',
  'fromImage',
  'force',
  'platform',
  'timestamps',
];
const VALUES: readonly unknown[] = [
  null,
  -1,
  0,
  1e308,
  2 ** 53,
  0.5,
  '',
  '\u0000',
  'x',
  'a'.repeat(5000),
  true,
  [],
  [null],
  {},
  { '': '' },
  { a: { b: [] } },
  [[[[]]]],
  '../..',
  '/proc/self/exe',
  '__proto__',
];

function junkUrl(random: Random, template: string): { method: string; path: string } {
  const [method = '', path = ''] = template.split(' ');
  const query = Array.from({ length: random.below(4) }, () => `${random.pick(KEYS)}=${random.pick(WORDS)}`).join('&');
  const version = random.pick(['', '', '/v1.24', '/v1.51', '/v9.99', '/v1', '/vx']);
  return {
    method,
    path: `${version}${path.replace('ID', random.pick(WORDS))}${path.includes('?') ? '&' : '?'}${query}`,
  };
}

/** The value with one leaf or branch of it replaced by junk. */
function spoil(random: Random, value: unknown): unknown {
  if (random.below(4) === 0 || value === null || typeof value !== 'object') return random.pick(VALUES);
  const keys = Object.keys(value);
  if (Array.isArray(value))
    return value.length === 0
      ? [random.pick(VALUES)]
      : value.map((one) => (random.below(2) === 0 ? one : spoil(random, one)));
  const key = random.below(8) === 0 || keys.length === 0 ? random.pick(['Extra', '__proto__', '']) : random.pick(keys);
  return { ...value, [key]: spoil(random, (value as Record<string, unknown>)[key]) };
}

const WHOLE_BODY = {
  ...createBody({ name: '', command: ['true'] }),
  Env: ['A=b'],
  Labels: { a: 'b' },
  Entrypoint: ['sh'],
  WorkingDir: '/',
  User: '0:0',
  Hostname: 'h',
  ExposedPorts: { '80/tcp': {} },
  Volumes: { '/v': {} },
  StopSignal: 'SIGTERM',
  Healthcheck: { Test: ['NONE'], Interval: 1000000000 },
  HostConfig: {
    Binds: ['/tmp:/t:ro'],
    Mounts: [{ Type: 'tmpfs', Target: '/x', TmpfsOptions: { SizeBytes: 65536, Mode: 511 } }],
    Memory: 64 << 20,
    NanoCpus: 1e9,
    CpusetCpus: '0',
    PidsLimit: 10,
    Ulimits: [{ Name: 'nofile', Soft: 100, Hard: 100 }],
    Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/n', CgroupPermissions: 'rwm' }],
    CapAdd: ['NET_ADMIN'],
    SecurityOpt: ['no-new-privileges'],
    Sysctls: { 'net.ipv4.ip_forward': '1' },
    Tmpfs: { '/run': 'size=64k' },
    RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 1 },
    LogConfig: { Type: 'json-file', Config: { 'max-size': '1m' } },
    PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
    PublishAllPorts: true,
    Links: null,
    ExtraHosts: ['a:1.2.3.4'],
    Dns: ['1.1.1.1'],
    NetworkMode: 'bridge',
    IpcMode: 'private',
    PidMode: '',
    ShmSize: 65536,
  },
  NetworkingConfig: {
    EndpointsConfig: { bridge: { IPAMConfig: {}, Aliases: [], MacAddress: '', DriverOpts: { a: 'b' }, GwPriority: 1 } },
  },
};

function assertRefused(answer: ApiAnswer, what: string): void {
  // Docker answers 500 to an archive that is none.
  const isFine = answer.status < 500 || answer.status === 501 || answer.text.includes('invalid tar');
  assert.ok(isFine, `${what}: ${answer.status} ${answer.text.slice(0, 500)}`);
}

test(`${REQUESTS} requests of junk are refused with a reason, and the daemon stays as it is`, async (context) => {
  const random = seededRandom((line) => context.diagnostic(line));
  for (let count = 0; count < REQUESTS; count++) {
    const { method, path } = junkUrl(random, random.pick(PATHS));
    const body =
      method === 'GET'
        ? undefined
        : random.pick([undefined, '{', '[]', JSON.stringify(random.pick(VALUES)), Buffer.alloc(512, 1)]);
    const answer = await daemon.api(method, path, body, { 'content-type': 'application/json' });
    assertRefused(answer, `${method} ${path} ${String(body).slice(0, 100)}`);
  }
  const { status } = await daemon.api('GET', '/containers/victim/json');
  if (status === 200) await daemon.api('POST', '/containers/victim/unpause');
});

test('containers asked for with junk are refused with a reason, or start, or say why they do not', async (context) => {
  const random = seededRandom((line) => context.diagnostic(line));
  const seen = new Map<number, number>();
  for (let count = 0; count < REQUESTS; count++) {
    const body = spoil(random, random.below(3) === 0 ? spoil(random, WHOLE_BODY) : WHOLE_BODY);
    const created = await daemon.api('POST', '/containers/create', JSON.stringify(body), {
      'content-type': 'application/json',
    });
    assertRefused(created, `create ${JSON.stringify(body).slice(0, 2500)}`);
    seen.set(created.status, (seen.get(created.status) ?? 0) + 1);
    if (created.status !== 201) continue;
    const { Id } = created.body as { Id: string };
    const inspected = await daemon.api('GET', `/containers/${Id}/json`);
    assert.equal(inspected.status, 200, inspected.text);
    if (count % 10 === 0) await daemon.api('POST', `/containers/${Id}/start`);
    await expectApi(daemon, 204, 'DELETE', `/containers/${Id}?force=1&v=1`);
  }
  context.diagnostic(JSON.stringify([...seen]));
});
