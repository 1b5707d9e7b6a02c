import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DockerClient } from './client.ts';
import { DaemonError, NoDaemonError } from './daemon-error.ts';
import { demultiplex } from './frames.ts';
import { parseHost } from './host.ts';
import { readLines } from './json-lines.ts';

type Reply = (request: string, socket: Socket) => void;

/** A daemon that answers each request head with what `reply` writes, over a socket that goes with the test. */
async function daemon(reply: Reply): Promise<{ client: DockerClient; server: Server } & AsyncDisposable> {
  const path = join(tmpdir(), `gantry-client-${process.pid}-${Math.random().toString(36).slice(2)}.sock`);
  const server = createServer((socket) => {
    socket.on('data', (bytes) => reply(bytes.toString('latin1'), socket));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const client = new DockerClient({ host: parseHost(`unix://${path}`), apiVersion: '1.51' });
  const dispose = async (): Promise<void> => {
    client[Symbol.dispose]();
    await new Promise((resolve) => server.close(resolve));
  };
  return { client, server, [Symbol.asyncDispose]: dispose };
}

test('a chunked answer that comes in single bytes is put together', async () => {
  await using fake = await daemon(async (_, socket) => {
    const answer = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n';
    socket.setNoDelay(true);
    for (const byte of answer) {
      socket.write(byte);
      await new Promise(setImmediate);
    }
  });
  assert.deepEqual(await fake.client.json('GET', '/x'), { a: 1 });
});

test('requests follow each other on one connection', async () => {
  const sockets = new Set<Socket>();
  await using fake = await daemon((request, socket) => {
    sockets.add(socket);
    const body = request.split(' ', 2)[1] ?? '';
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  assert.equal(
    await fake.client.text('GET', '/one', { query: { a: 'b c', l: ['1', '2'], no: undefined } }),
    '/v1.51/one?a=b%20c&l=1&l=2',
  );
  assert.equal(await fake.client.text('POST', '/two', { body: {} }), '/v1.51/two');
  assert.equal(sockets.size, 1);
});

test('an answer of 400 and above is an error with the daemon’s words', async () => {
  await using fake = await daemon((_, socket) => {
    const body = '{"message":"No such container: x"}';
    socket.write(`HTTP/1.1 404 Not Found\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  await assert.rejects(fake.client.json('GET', '/x'), (error: unknown) => {
    assert.ok(error instanceof DaemonError);
    assert.deepEqual([error.status, error.kind, error.message], [404, 'not-found', 'No such container: x']);
    return true;
  });
});

test('a HEAD gives headers, and a refused one does not wait for the body that its length speaks of', async () => {
  await using fake = await daemon((request, socket) => {
    const status = request.includes('/missing') ? '404 Not Found' : '200 OK';
    socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 10\r\nX-Told: yes\r\n\r\n`);
  });
  assert.equal((await fake.client.head('/x')).get('x-told'), 'yes');
  await assert.rejects(fake.client.head('/missing'), { status: 404 });
  assert.equal((await fake.client.head('/x')).get('x-told'), 'yes');
});

test('an upgraded connection gives the bytes that came with the head, and takes ours', async () => {
  await using fake = await daemon((request, socket) => {
    if (request.startsWith('POST')) socket.write('HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nearly');
    else socket.end(`echo ${request}`);
  });
  const wire = await fake.client.upgrade('/containers/x/attach');
  assert.equal((await wire.read())?.toString(), 'early');
  await wire.write('hello');
  assert.equal((await wire.read())?.toString(), 'echo hello');
  assert.equal(await wire.read(), null);
});

test('a connection that breaks in mid-answer is an error, not an end', async () => {
  await using fake = await daemon((_, socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc'));
  await assert.rejects(fake.client.text('GET', '/x'), /closed the connection in mid-answer/);
});

test('where nobody answers, the message says where that was', async () => {
  using client = new DockerClient({ host: parseHost('unix:///nope/x.sock') });
  await assert.rejects(client.text('GET', '/x'), (error: unknown) => {
    assert.ok(error instanceof NoDaemonError);
    assert.equal(
      error.message,
      'Cannot connect to the Gantry daemon at unix:///nope/x.sock. Is the gantry daemon running?',
    );
    return true;
  });
});

test('frames are taken apart wherever the pieces are cut', async () => {
  const frame = (type: number, text: string): Buffer => {
    const head = Buffer.alloc(8);
    head.writeUInt8(type, 0);
    head.writeUInt32BE(text.length, 4);
    return Buffer.concat([head, Buffer.from(text)]);
  };
  const bytes = Buffer.concat([frame(1, 'out'), frame(2, 'err'), frame(1, ''), frame(1, 'more')]);
  for (let size = 1; size <= bytes.length; size++) {
    const seen = { stdout: '', stderr: '' };
    async function* pieces(): AsyncGenerator<Buffer> {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    }
    await demultiplex(pieces(), (source, part) => {
      seen[source] += part.toString();
    });
    assert.deepEqual(seen, { stdout: 'outmore', stderr: 'err' });
  }
});

test('lines are put together over pieces, characters too', async () => {
  async function* pieces(): AsyncGenerator<Buffer> {
    const bytes = Buffer.from('ä1\nb\nrest');
    for (const byte of bytes) yield Buffer.from([byte]);
  }
  const lines: string[] = [];
  for await (const line of readLines(pieces())) lines.push(line);
  assert.deepEqual(lines, ['ä1', 'b', 'rest']);
});

test('hosts are read in all their forms', () => {
  assert.deepEqual(parseHost('tcp://[::1]:99'), { kind: 'tcp', hostname: '::1', port: 99, text: 'tcp://[::1]:99' });
  assert.deepEqual(parseHost('box'), { kind: 'tcp', hostname: 'box', port: 2375, text: 'box' });
  assert.equal(parseHost('ssh://me@box').kind, 'ssh');
  assert.throws(() => parseHost('ftp://x'), /unable to parse docker host/);
  assert.throws(() => parseHost('tcp://x:99999'), /invalid host/);
});
