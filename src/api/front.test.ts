import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { frontConnection, type RawHead } from './front.ts';

interface Taken {
  readonly kind: 'http' | 'hijack';
  readonly head?: RawHead;
  readonly body?: string;
  readonly socket: Socket;
}

async function send(pieces: readonly string[]): Promise<Taken & { readonly rest: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-front-'));
  const taken = Promise.withResolvers<Taken>();
  const rest = { text: '' };
  const take = (socket: Socket): void => {
    socket.on('data', (chunk) => {
      rest.text += String(chunk);
    });
  };
  const server = createServer((socket) =>
    frontConnection(
      socket,
      (connection) => {
        take(connection);
        taken.resolve({ kind: 'http', socket: connection });
      },
      (head, body, connection) => {
        take(connection);
        connection.resume();
        taken.resolve({ kind: 'hijack', head, body: body.toString(), socket: connection });
      },
    ),
  );
  server.listen(join(directory, 'sock'));
  await once(server, 'listening');
  const client = createConnection(join(directory, 'sock'));
  try {
    for (const piece of pieces) {
      client.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    client.end();
    const result = await taken.promise;
    await once(result.socket, 'end');
    return { ...result, rest: rest.text };
  } finally {
    client.destroy();
    server.close();
    rmSync(directory, { recursive: true });
  }
}

test('a hijack is cut into head, body and raw input, wherever its bytes are split', async () => {
  const text =
    'POST /v1.41/exec/abc/start HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: Upgrade\r\n\r\n{}raw input';
  for (const at of [3, 30, 60, text.length - 12, text.length - 9]) {
    const taken = await send([text.slice(0, at), text.slice(at)]);
    assert.equal(taken.kind, 'hijack');
    assert.equal(taken.head?.url, '/v1.41/exec/abc/start');
    assert.equal(taken.head?.headers.connection, 'Upgrade');
    assert.deepEqual([taken.body, taken.rest], ['{}', 'raw input']);
  }
});

test('a chunked body is put together', async () => {
  const taken = await send([
    'POST /containers/c/attach?stdin=1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\nhello',
  ]);
  assert.deepEqual([taken.body, taken.rest], ['{}', 'hello']);
});

test('every other request goes to HTTP whole', async () => {
  for (const text of [
    'GET /_ping HTTP/1.1\r\n\r\n',
    'POST /v1.51/containers/create HTTP/1.1\r\n\r\n',
    'POST /containers/c/start HTTP/1.1\r\n\r\n',
    'X',
  ]) {
    const taken = await send([text]);
    assert.deepEqual([taken.kind, taken.rest], ['http', text]);
  }
});
