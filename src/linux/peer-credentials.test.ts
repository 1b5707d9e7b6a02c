import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { readPeerCredentials } from './peer-credentials.ts';
import { spawnProgram } from './spawn-program.ts';

const CONNECT = `
import os, socket, sys
uid = int(sys.argv[2])
if uid: os.setgid(uid); os.setuid(uid)
s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.recv(1)
`;

test('the process, user and group that connected are told', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-peer-'));
  chmodSync(directory, 0o755);
  const path = join(directory, 'socket');
  const server = createServer().listen(path);
  await once(server, 'listening');
  chmodSync(path, 0o777);
  const uid = process.getuid?.() === 0 ? 3_000_000_000 : (process.getuid?.() ?? 0);
  const program = await spawnProgram('python3', ['-c', CONNECT, path, String(uid)]);
  try {
    const [socket] = (await once(server, 'connection')) as [Socket];
    assert.deepEqual(readPeerCredentials(socket), { pid: program.pid, uid, gid: uid });
    socket.destroy();
    assert.throws(
      () => readPeerCredentials(socket),
      (error: unknown) => isEngineError(error, 'invalid-argument'),
    );
  } finally {
    program.kill('SIGKILL');
    server.close();
    rmSync(directory, { recursive: true });
  }
});
