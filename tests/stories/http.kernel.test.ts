import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { inThrowawayHost } from '../support/host.ts';
import { eventually, IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
const api = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
  story.daemon.api(method, path, body, headers);
const messageOf = ({ body }: { readonly body: unknown }) => (body as { message: string } | undefined)?.message ?? '';
const JSON_TYPE = { 'content-type': 'application/json' };

/** A bare connection, and what came over it so far. */
async function dial(): Promise<{ socket: Socket; received: () => Buffer; closed: Promise<void> }> {
  const socket = connect({ path: story.daemon.socketPath, allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(Buffer.from(chunk)));
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('end', resolve).once('close', () => resolve()));
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return { socket, received: () => Buffer.concat(chunks), closed };
}

const create = async (config: object): Promise<string> => {
  const answer = await api('POST', '/containers/create', { Image: IMAGE, ...config });
  assert.equal(answer.status, 201, answer.text);
  return (answer.body as { Id: string }).Id;
};

test('unknown versions, paths and methods are refused with a message', async () => {
  assert.equal((await api('GET', '/v1.51/_ping')).status, 200);
  assert.equal((await api('GET', '/v1.24/version')).status, 200);
  const newer = await api('GET', '/v1.99/version');
  assert.deepEqual(
    [newer.status, messageOf(newer)],
    [400, 'client version 1.99 is too new. Maximum supported API version is 1.51'],
  );
  const older = await api('GET', '/v1.10/version');
  assert.equal(older.status, 400);
  assert.match(messageOf(older), /^client version 1\.10 is too old\. Minimum supported API version is 1\.24/);
  assert.equal((await api('GET', '/nosuch')).status, 404);
  assert.deepEqual(messageOf(await api('GET', '/v1.51/nosuch')), 'page not found');
});

test('bodies that are not JSON, of another type, empty or huge are refused', async () => {
  const post = (body: string, headers: Record<string, string> = JSON_TYPE) =>
    api('POST', '/containers/create', body, headers);
  for (const body of ['{', 'null', '[]', '"x"', '']) assert.equal((await post(body)).status, 400, body);
  assert.equal((await post('{"Image":3}')).status, 400);
  assert.equal((await post('{"Image":"busybox:test"}', { 'content-type': 'text/plain' })).status, 400);
  const huge = await post(`{"Image":"${'x'.repeat(5_000_000)}"}`);
  assert.equal(huge.status, 400);
  assert.match(messageOf(huge), /longer than 4194304 bytes/);
  assert.equal((await api('GET', '/_ping')).status, 200);
});

test('a create is refused with what is wrong with it', async () => {
  const refused = async (status: number, text: RegExp, body: object, path = '/containers/create') => {
    const answer = await api('POST', path, body);
    assert.deepEqual([answer.status, text.test(messageOf(answer))], [status, true], answer.text);
  };
  await refused(404, /^No such image: nosuch:latest$/, { Image: 'nosuch' });
  await refused(400, /no command specified|no image specified/, {});
  await refused(400, /^Invalid container name \(\.\.\), only/, { Image: IMAGE }, '/containers/create?name=..');
  await refused(400, /invalid environment variable: =x/, { Image: IMAGE, Env: ['=x'] });
  await refused(400, /mount path must be absolute/, { Image: IMAGE, HostConfig: { Binds: ['/tmp:rel'] } });
  await refused(400, /bind source path does not exist: \/no\/such/, {
    Image: IMAGE,
    HostConfig: { Mounts: [{ Type: 'bind', Source: '/no/such', Target: '/m' }] },
  });
  await refused(400, /Minimum memory limit allowed is 6MB/, { Image: IMAGE, HostConfig: { Memory: 1024 } });
  const id = await create({});
  const name = (await api('GET', `/containers/${id}/json`)).body as { Name: string };
  await refused(
    409,
    /^Conflict\. The container name ".*" is already in use by container/,
    { Image: IMAGE },
    `/containers/create?name=${name.Name.slice(1)}`,
  );
});

test('an attach without Upgrade is a raw stream both ways, with its input right behind the request', async () => {
  const id = await create({
    Cmd: ['sh', '-c', 'cat; echo end'],
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
  });
  const { socket, received, closed } = await dial();
  socket.write(
    `POST /v1.41/containers/${id}/attach?stdin=1&stdout=1&stream=1 HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\nearly\n`,
  );
  await eventually(async () => received().includes('\r\n\r\n'), true);
  assert.match(
    received().toString(),
    /^HTTP\/1\.1 200 OK\r\n(.*\r\n)*Content-Type: application\/vnd\.docker\.raw-stream\r\n/,
  );
  assert.equal((await api('POST', `/containers/${id}/start`)).status, 204);
  await eventually(async () => received().includes('early\n'), true);
  socket.end('late\n');
  await closed;
  const stream = received().subarray(received().indexOf('\r\n\r\n') + 4);
  const texts: string[] = [];
  for (let at = 0; at < stream.length; at += 8 + stream.readUInt32BE(at + 4)) {
    assert.equal(stream[at], 1);
    texts.push(stream.toString('utf8', at + 8, at + 8 + stream.readUInt32BE(at + 4)));
  }
  assert.equal(texts.join(''), 'early\nlate\nend\n');
});

test('an exec with Upgrade answers 101 and, on a terminal, raw bytes', async () => {
  const id = await create({ Cmd: ['sleep', '100'] });
  await api('POST', `/containers/${id}/start`);
  const { body } = await api('POST', `/containers/${id}/exec`, {
    AttachStdout: true,
    AttachStdin: true,
    Tty: true,
    Cmd: ['cat'],
  });
  const start = '{"Tty":true}';
  const { socket, received, closed } = await dial();
  socket.write(
    `POST /exec/${(body as { Id: string }).Id}/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: ${start.length}\r\n\r\n${start}hi\n`,
  );
  await eventually(async () => received().includes('hi\r\nhi\r\n'), true);
  assert.match(received().toString(), /^HTTP\/1\.1 101 UPGRADED\r\n(.*\r\n)*Upgrade: tcp\r\n/);
  socket.write('\x04');
  await closed;
});

test('the detach keys, also when they come in pieces, end the attachment and are an event', async () => {
  const id = await create({ Cmd: ['cat'], Tty: true, OpenStdin: true });
  await api('POST', `/containers/${id}/start`);
  const { socket, received, closed } = await dial();
  socket.write(
    `POST /containers/${id}/attach?stdin=1&stdout=1&stream=1&detachKeys=ctrl-a,b HTTP/1.1\r\nHost: d\r\n\r\n`,
  );
  await eventually(async () => received().includes('\r\n\r\n'), true);
  socket.write('\x01');
  await new Promise((resolve) => setTimeout(resolve, 100));
  socket.write('b');
  await closed;
  const filters = JSON.stringify({ event: ['detach'], container: [id] });
  const since = Math.floor(Date.now() / 1000) - 20;
  const events = await api('GET', `/events?since=${since}&until=${Date.now() / 1000}&filters=${filters}`);
  assert.equal((events.body as { Action: string }).Action, 'detach');
  assert.equal((await api('POST', `/containers/${id}/attach?stream=1&detachKeys=bogus-x`)).status, 400);
});

test('a hijack that cannot be is answered as any other request', async () => {
  const { socket, received, closed } = await dial();
  socket.write(
    'POST /containers/nosuch/attach?stream=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
  );
  await closed;
  assert.match(received().toString(), /^HTTP\/1\.1 404 .*No such container: nosuch/s);
});

test('a client that comes slowly is served, one that sends nonsense is not, and one that goes is forgotten', async () => {
  const slow = await dial();
  for (const piece of ['GET /_p', 'ing HTTP/1.1\r\nHo', 'st: d\r\nConnection: close\r\n\r\n']) {
    slow.socket.write(piece);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await slow.closed;
  assert.match(slow.received().toString(), /^HTTP\/1\.1 200 OK/);
  const nonsense = await dial();
  nonsense.socket.write('\x16\x03\x01 nonsense\r\n\r\n');
  await nonsense.closed;
  const id = await create({ Cmd: ['sleep', '100'] });
  await api('POST', `/containers/${id}/start`);
  for (const path of [`containers/${id}/logs?follow=1&stdout=1`, 'events', `containers/${id}/stats`]) {
    const { socket, received } = await dial();
    socket.write(`GET /${path} HTTP/1.1\r\nHost: d\r\n\r\n`);
    await eventually(async () => received().includes('HTTP/1.1 200'), true);
    socket.destroy();
  }
  const waiting = await dial();
  waiting.socket.write(`POST /containers/${id}/wait HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\n\r\n`);
  await eventually(async () => waiting.received().includes('HTTP/1.1 200'), true);
  waiting.socket.destroy();
  assert.equal((await api('POST', `/containers/${id}/kill`)).status, 204);
});

test('what is missing yet answers 501 and says so', async () => {
  for (const [method, path] of [
    ['POST', '/build'],
    ['POST', '/commit?container=x'],
    ['POST', '/session'],
    ['GET', '/swarm'],
  ] as const) {
    const answer = await api(method, path, method === 'POST' ? {} : undefined);
    assert.equal(answer.status, 501, path);
    assert.match(messageOf(answer), /is not implemented in this version of Gantry$|are not implemented|implemented/);
  }
});
