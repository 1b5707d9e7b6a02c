import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { connectSeqpacket } from './seqpacket.ts';
import { spawnProgram } from './spawn-program.ts';

/** Somebody else's server: echoes each packet with its length in front, and says "bye" at end of file. */
const ECHO = `
import os, socket, sys
os.chdir(sys.argv[1])
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind('attach'); s.listen(1); print('ready', flush=True)
c, _ = s.accept()
while True:
    data = c.recv(65536)
    if not data: break
    c.send(str(len(data)).encode() + b':' + data[:10])
c.send(b'bye')
`;

test('packets keep their boundaries over a path longer than an address, and our end of input is not the end', async () => {
  const root = mkdtempSync(join(tmpdir(), 'gantry-seqpacket-'));
  const directory = join(root, 'a'.repeat(120));
  mkdirSync(directory);
  const server = await spawnProgram('python3', ['-c', ECHO, directory]);
  try {
    assert.ok(server.stdout !== undefined);
    await once(createInterface(server.stdout), 'line');
    const socket = connectSeqpacket(join(directory, 'attach'));
    const packets: string[] = [];
    socket.on('data', (data: Buffer) => packets.push(data.toString()));
    for (const data of ['one', 'x'.repeat(32768)]) {
      await new Promise<void>((resolve, reject) => socket.write(data, (error) => (error ? reject(error) : resolve())));
    }
    socket.end();
    await once(socket, 'close');
    assert.deepEqual(packets, ['3:one', '32768:xxxxxxxxxx', 'bye']);
    assert.equal((await server.exited).code, 0);
  } finally {
    server.kill('SIGKILL');
    rmSync(root, { recursive: true });
  }
});

test('a socket that is not there is not-found', () => {
  for (const path of ['/nonexistent/attach', '/tmp/no-such-socket']) {
    assert.throws(
      () => connectSeqpacket(path),
      (error: unknown) => isEngineError(error, 'not-found'),
    );
  }
});
