import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { inThrowawayHost } from '../support/host.ts';
import { isLongRun } from '../support/random.ts';
import {
  busyboxArchive,
  createBody,
  dataArchive,
  expectApi,
  inspectState,
  loadImage,
  removeEverything,
  runContainer,
} from './api.ts';
import { assertNothingLeaked, type LastingWorld, lastingWorld, settledWorld } from './leaks.ts';

inThrowawayHost();

let daemon: TestDaemon;
let empty: LastingWorld;
let openAtRest = 0;

const descriptors = (): number => readdirSync(`/proc/${daemon.pid}/fd`).length;

const residentMb = (): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))?.[1]) / 1024;

before(async () => {
  daemon = await startDaemon(undefined);
  empty = await settledWorld(daemon);
  await loadImage(daemon, busyboxArchive());
  await runContainer(daemon, { name: 'warm', command: ['true'] });
  await expectApi(daemon, 204, 'DELETE', '/containers/warm?force=1');
  openAtRest = descriptors();
});

after(async () => {
  try {
    await removeEverything(daemon);
    await assertNothingLeaked(daemon, empty);
  } finally {
    await daemon.stop();
  }
});

interface RawClient {
  readonly socket: Socket;
  received(): string;
  readonly closed: Promise<void>;
}

/** A connection on which just these bytes are sent. */
async function rawClient(bytes: string | Uint8Array): Promise<RawClient> {
  const socket = connect(daemon.socketPath);
  let received = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.write(bytes);
  return { socket, received: () => received, closed };
}

async function until(what: string, isTrue: () => boolean, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!isTrue()) {
    if (Date.now() > deadline) assert.fail(`${what}: not within ${timeoutMs} ms`);
    await sleep(20);
  }
}

/** All that clients had opened is closed again, and the daemon answers. */
async function assertAtRest(): Promise<void> {
  await expectApi(daemon, 200, 'GET', '/_ping');
  await until(`descriptors go from ${descriptors()} back to ${openAtRest}`, () => descriptors() <= openAtRest + 2);
}

const answersQuickly = async (): Promise<void> => {
  const started = performance.now();
  await expectApi(daemon, 200, 'GET', '/containers/json');
  assert.ok(performance.now() - started < 3000);
};

const HEADS = [
  '',
  'G',
  'GET /_ping HT',
  'GET /_ping HTTP/1.1\r\nHost: x\r\nX-A: ',
  'POST /containers/x/attach?stream=1 HTTP/1.1\r\nHost: x\r\n',
  'POST /exec/x/start HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"a":',
  'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"Image":',
];

test('300 clients with half-sent requests do not keep others from being served, and go without a trace', async () => {
  const clients = await Promise.all(
    Array.from({ length: 300 }, (_, index) => rawClient(HEADS[index % HEADS.length] ?? '')),
  );
  await answersQuickly();
  for (const { socket } of clients) socket.destroy();
  await assertAtRest();
});

test('a client that sends its request a byte at a time is dropped in the end', { skip: !isLongRun }, async () => {
  for (const head of ['GET /_ping HTTP/1.1\r\n', 'POST /exec/x/start HTTP/1.1\r\n']) {
    const client = await rawClient(head);
    const drip = setInterval(() => client.socket.write('X-A: b\r\n'), 1000);
    const late = sleep(150_000, 'late', { ref: false });
    const outcome = await Promise.race([client.closed.then(() => 'closed'), late]);
    clearInterval(drip);
    client.socket.destroy();
    assert.equal(outcome, 'closed', head);
  }
  await assertAtRest();
});

test('requests that are too large are refused at once, and without reading them', async () => {
  const hugeHeader = `X-Huge: ${'x'.repeat(200_000)}\r\n`;
  const requests = [
    `GET /_ping HTTP/1.1\r\nHost: x\r\n${hugeHeader}\r\n`,
    `POST /exec/x/start HTTP/1.1\r\nHost: x\r\n${hugeHeader}\r\n`,
    `GET /${'x'.repeat(200_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000000000\r\n\r\n{',
    'POST /exec/x/start HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000000000\r\n\r\n{',
  ];
  for (const request of requests) {
    const client = await rawClient(request);
    await until(`${request.slice(0, 60)}: ${client.received()}`, () => /^HTTP\/1\.1 4\d\d /.test(client.received()));
    client.socket.destroy();
  }
  const mbBefore = residentMb();
  const answer = await daemon
    .api('POST', '/containers/create', `{"Image":"${'x'.repeat(30_000_000)}"}`, {
      'content-type': 'application/json',
    })
    .catch(() => undefined);
  assert.ok(
    answer === undefined || (answer.status >= 400 && answer.status < 500),
    `${answer?.status} ${answer?.text.slice(0, 200)}`,
  );
  assert.ok(residentMb() - mbBefore < 100);
  await assertAtRest();
});

test('an endless head or body of chunks is cut off', async () => {
  for (const [head, piece] of [
    ['GET /_ping HTTP/1.1\r\n', `X-A: ${'x'.repeat(1000)}\r\n`],
    ['POST /exec/x/start HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n', `3e8\r\n${'x'.repeat(1000)}\r\n`],
    [
      'POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
      `3e8\r\n${'x'.repeat(1000)}\r\n`,
    ],
  ] as const) {
    const client = await rawClient(head);
    let isCut = false;
    void client.closed.then(() => {
      isCut = true;
    });
    for (let count = 0; count < 64_000 && !isCut && client.received() === ''; count += 100) {
      if (!client.socket.write(piece.repeat(100))) await Promise.race([sleep(50), client.closed]);
    }
    await until(`${head} is cut`, () => isCut || client.received() !== '', 30_000);
    client.socket.destroy();
  }
  await assertAtRest();
});

test('a load whose client leaves at any point leaves nothing', async () => {
  const before = lastingWorld(daemon);
  const archive = dataArchive('left:1', randomBytes(4_000_000));
  for (const share of [0, 0.0001, 0.1, 0.5, 0.9, 0.9999]) {
    const head = `POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-tar\r\nContent-Length: ${archive.length}\r\n\r\n`;
    const client = await rawClient(
      Buffer.concat([Buffer.from(head), archive.subarray(0, Math.floor(archive.length * share))]),
    );
    await sleep(150);
    client.socket.destroy();
    await assertNothingLeaked(daemon, before);
  }
  await assertAtRest();
});

test('a client that leaves during create, start or rm leaves a whole container or none', async () => {
  const body = JSON.stringify(createBody({ name: 'x', command: ['sleep', '1000'] }));
  for (let round = 0; round < 10; round++) {
    const post = `POST /containers/create?name=left HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const creating = await rawClient(post);
    await sleep(round);
    creating.socket.destroy();
    await sleep(100);
    const { status } = await daemon.api('GET', '/containers/left/json');
    if (status === 404) continue;
    const starting = await rawClient('POST /containers/left/start HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n');
    await sleep(round * 5);
    starting.socket.destroy();
    await sleep(250);
    assert.ok(['running', 'created'].includes((await inspectState(daemon, 'left')).Status));
    const removing = await rawClient('DELETE /containers/left?force=1 HTTP/1.1\r\nHost: x\r\n\r\n');
    await sleep(round);
    removing.socket.destroy();
    await sleep(250);
    await expectApi(daemon, [204, 404], 'DELETE', '/containers/left?force=1');
  }
  await assertAtRest();
});

test('clients that leave while they wait, follow logs, listen to events or are attached cost nothing after', async () => {
  await runContainer(daemon, { name: 'busy', command: ['sh', '-c', 'while :; do echo line; sleep 0.01; done'] });
  const rest = descriptors();
  const requests = [
    'POST /containers/busy/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
    'POST /containers/busy/wait?condition=removed HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
    'GET /containers/busy/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /events HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /containers/busy/stats HTTP/1.1\r\nHost: x\r\n\r\n',
    'POST /containers/busy/attach?stream=1&stdout=1&stdin=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
    'POST /containers/busy/attach?stream=1&stdout=1&logs=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n',
  ];
  for (let round = 0; round < 5; round++) {
    const clients = await Promise.all([...requests, ...requests].map(rawClient));
    await until('all are answered', () => clients.every(({ received }) => /^HTTP\/1\.1 (200|101)/.test(received())));
    for (const { socket } of clients) socket.destroy();
    await until(`${descriptors()} descriptors, ${rest} at rest`, () => descriptors() <= rest + 2);
  }
  await expectApi(daemon, 204, 'DELETE', '/containers/busy?force=1');
  await assertAtRest();
});

test('a client that asks for much and reads nothing costs little memory', async (context) => {
  await loadImage(daemon, dataArchive('large:1', Buffer.alloc(64_000_000, 'abcdefgh')));
  const command = ['sh', '-c', 'yes abcdefghijklmnopqrstuvwxyz | head -c 30000000; exec sleep 1000'];
  await runContainer(daemon, {
    name: 'talker',
    command,
    hostConfig: { LogConfig: { Type: 'json-file', Config: { 'max-size': '200m' } } },
  });
  await sleep(2000);
  const mbBefore = residentMb();
  const requests = [
    'GET /images/large:1/get HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /containers/talker/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n',
    'POST /containers/talker/attach?stream=1&stdout=1&logs=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
  ];
  const clients: Socket[] = [];
  for (const request of [...requests, ...requests, ...requests]) {
    const { socket } = await rawClient(request);
    socket.pause();
    clients.push(socket);
  }
  await sleep(1500);
  const mb = residentMb();
  context.diagnostic(`${Math.round(mbBefore)} to ${Math.round(mb)} MB with ${clients.length} clients that do not read`);
  assert.ok(mb - mbBefore < 80, `${mbBefore} to ${mb} MB`);
  await answersQuickly();
  await expectApi(daemon, 204, 'DELETE', '/containers/talker?force=1');
  for (const socket of clients) socket.destroy();
  await expectApi(daemon, 200, 'DELETE', '/images/large:1');
  await assertAtRest();
});

test('a daemon that has no descriptor left for more clients serves again when some have gone', async (context) => {
  const limit = descriptors() + 12;
  execFileSync('prlimit', [`--pid=${daemon.pid}`, `--nofile=${limit}:`]);
  const clients = await Promise.all(Array.from({ length: 40 }, () => rawClient(HEADS[2] ?? '').catch(() => undefined)));
  const answer = await daemon.api('GET', '/containers/json').catch((error: Error) => error.message);
  context.diagnostic(typeof answer === 'string' ? answer : `${answer.status}`);
  for (const client of clients) client?.socket.destroy();
  await until('they have gone', () => descriptors() < limit - 6);
  // Few are left: more may be missing in the middle of a start than at its beginning.
  for (let spare = 0; spare < 12; spare++) {
    const held = await Promise.all(Array.from({ length: spare }, () => rawClient(HEADS[2] ?? '')));
    const created = await daemon
      .api(
        'POST',
        '/containers/create?name=scarce',
        createBody({ name: '', command: ['sleep', '1000'], network: 'bridge' }),
      )
      .catch(() => undefined);
    if (created?.status === 201) await daemon.api('POST', '/containers/scarce/start').catch(() => undefined);
    for (const { socket } of held) socket.destroy();
    await until('they have gone', () => descriptors() < limit - 6);
    await expectApi(daemon, [204, 404], 'DELETE', '/containers/scarce?force=1');
  }
  execFileSync('prlimit', [`--pid=${daemon.pid}`, '--nofile=4096:']);
  await runContainer(daemon, { name: 'scarce', command: ['sleep', '1000'], network: 'bridge' });
  await expectApi(daemon, 204, 'DELETE', '/containers/scarce?force=1');
  await assertAtRest();
});

test('a daemon that is asked to stop does so within seconds, whatever its clients are doing', async (context) => {
  await runContainer(daemon, {
    name: 'deaf',
    command: ['sh', '-c', 'trap "" TERM; while :; do echo x; sleep 0.01; done'],
  });
  const archive = dataArchive('stalled:1', randomBytes(1_000_000));
  const requests = [
    'POST /containers/deaf/wait HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
    'POST /containers/deaf/stop?t=600 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
    'GET /containers/deaf/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /events HTTP/1.1\r\nHost: x\r\n\r\n',
    'POST /containers/deaf/attach?stream=1&stdout=1&stdin=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n',
    `POST /images/load HTTP/1.1\r\nHost: x\r\nContent-Length: ${archive.length}\r\n\r\n${archive.toString('latin1', 0, 3000)}`,
    ...HEADS,
  ];
  const clients = await Promise.all([...requests, ...requests].map(rawClient));
  for (const { socket } of clients) socket.pause();
  await sleep(500);
  const started = performance.now();
  assert.equal(await daemon.stop(), 0);
  const ms = Math.round(performance.now() - started);
  context.diagnostic(`${ms} ms`);
  assert.ok(ms < 8000, `${ms} ms`);
  for (const { socket } of clients) socket.destroy();
  daemon = await daemon.again();
  assert.ok((await inspectState(daemon, 'deaf')).Running);
  await expectApi(daemon, 204, 'DELETE', '/containers/deaf?force=1');
});
