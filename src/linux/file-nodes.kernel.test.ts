import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { listDevices } from './devices.ts';
import { changeOwner, makeNode, setTimes } from './file-nodes.ts';
import { getXattr, listXattrs, setXattr } from './xattr.ts';

inThrowawayHost();

const root = mkdtempSync(join(tmpdir(), 'nodes-'));
const stat = (path: string, format: string) => execFileSync('stat', ['-c', format, path]).toString().trim();

test('devices with large numbers, whiteouts, fifos and sockets are made', () => {
  makeNode(join(root, 'char'), 'character', 0o600, { major: 511, minor: 1_048_575 });
  makeNode(join(root, 'block'), 'block', 0o600, { major: 7, minor: 3 });
  makeNode(join(root, 'whiteout'), 'character', 0);
  makeNode(join(root, 'fifo'), 'fifo', 0o600);
  makeNode(join(root, 'socket'), 'socket', 0o600);
  assert.equal(stat(join(root, 'char'), '%F %Hr:%Lr'), 'character special file 511:1048575');
  assert.equal(stat(join(root, 'block'), '%F %Hr:%Lr'), 'block special file 7:3');
  assert.equal(stat(join(root, 'whiteout'), '%Hr:%Lr %a'), '0:0 0');
  assert.equal(stat(join(root, 'fifo'), '%F'), 'fifo');
  assert.equal(stat(join(root, 'socket'), '%F'), 'socket');
  assert.throws(
    () => makeNode(join(root, 'fifo'), 'fifo', 0o600),
    (error: unknown) => isEngineError(error, 'already-exists'),
  );
});

test('owners beyond two thousand million and times to the nanosecond are set, on links themselves too', () => {
  const [file, link] = [join(root, 'file'), join(root, 'link')];
  writeFileSync(file, '');
  symlinkSync('file', link);
  changeOwner(link, 3_000_000_000, 4_294_967_294);
  setTimes(link, 1_700_000_000_123_456_789n, -1_500_000_001n);
  setTimes(file, 0n, 999_999_999n);
  assert.equal(stat(link, '%u:%g'), '3000000000:4294967294');
  assert.equal(stat(file, '%u:%g'), '0:0');
  const times = lstatSync(link, { bigint: true });
  assert.deepEqual([times.atimeNs, times.mtimeNs], [1_700_000_000_123_456_789n, -1_500_000_001n]);
  assert.equal(lstatSync(file, { bigint: true }).mtimeNs, 999_999_999n);
});

test('extended attributes are set, listed and read, long ones too', () => {
  const path = join(root, 'attributes');
  mkdirSync(path);
  assert.deepEqual(listXattrs(path), []);
  setXattr(path, 'trusted.overlay.opaque', Buffer.from('y'));
  setXattr(path, 'user.long', Buffer.alloc(2000, 7));
  setXattr(path, 'user.empty', Buffer.alloc(0));
  assert.deepEqual([...listXattrs(path)].sort(), ['trusted.overlay.opaque', 'user.empty', 'user.long']);
  assert.deepEqual(getXattr(path, 'user.long'), Buffer.alloc(2000, 7));
  assert.equal(getXattr(path, 'user.empty')?.length, 0);
  assert.equal(getXattr(path, 'user.absent'), undefined);
  assert.throws(
    () => getXattr(join(root, 'absent'), 'user.x'),
    (error: unknown) => isEngineError(error, 'not-found'),
  );
});

test('a device of the host is described, and a directory of devices walked', () => {
  const [nothing] = listDevices('/dev/null');
  assert.deepEqual(nothing, { path: '/dev/null', type: 'c', major: 1, minor: 3, fileMode: 0o666, uid: 0, gid: 0 });
  const directory = join(root, 'snd');
  mkdirSync(join(directory, 'by-path'), { recursive: true });
  makeNode(join(directory, 'pcm'), 'character', 0o600, { major: 116, minor: 300 });
  makeNode(join(directory, 'by-path/disk'), 'block', 0o600, { major: 259, minor: 70_000 });
  chmodSync(join(directory, 'pcm'), 0o660);
  changeOwner(join(directory, 'pcm'), 5, 29);
  writeFileSync(join(directory, 'plain'), '');
  symlinkSync('pcm', join(directory, 'alias'));
  assert.deepEqual(listDevices(directory), [
    { path: join(directory, 'by-path/disk'), type: 'b', major: 259, minor: 70_000, fileMode: 0o600, uid: 0, gid: 0 },
    { path: join(directory, 'pcm'), type: 'c', major: 116, minor: 300, fileMode: 0o660, uid: 5, gid: 29 },
  ]);
  assert.throws(
    () => listDevices(join(directory, 'plain')),
    (error: unknown) => isEngineError(error, 'invalid-argument') && /not a device node/.test(error.message),
  );
  assert.throws(
    () => listDevices('/dev/nonexistent'),
    (error: unknown) => isEngineError(error, 'not-found'),
  );
});
