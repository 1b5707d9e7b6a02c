import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { byteStringOfText } from '#/archive/byte-string.ts';
import { readTar } from '#/archive/tar-reader.ts';
import { printTarHeader, tarEnd } from '#/archive/tar-writer.ts';
import { hasClient } from '../support/docker.ts';
import { type Recorder, type Replies, startRecorder } from './recorder.ts';

const DIRECTORY = 2 ** 31 + 0o755;
const SYMLINK = 2 ** 27 + 0o777;
const FILE = 0o644;

function stat(mode: number, linkTarget = ''): { readonly headers: Readonly<Record<string, string>> } {
  const found = { name: 'x', size: 1, mode, mtime: '2026-11-20T10:11:12Z', linkTarget };
  return { headers: { 'X-Docker-Container-Path-Stat': Buffer.from(JSON.stringify(found)).toString('base64') } };
}

/** Containers that have, at any path: a directory, a file, a link, a device, nothing. */
const PATHS: Replies = {
  'HEAD /containers/directory/archive': stat(DIRECTORY),
  'HEAD /containers/file/archive': stat(FILE),
  'HEAD /containers/device/archive': stat(2 ** 26),
  'HEAD /containers/nothing/archive': { status: 404 },
  'PUT /containers/full/archive': { status: 500, body: { message: 'no space left on device' } },
  'HEAD /containers/full/archive': stat(DIRECTORY),
  'PUT /containers/*/archive': {},
};

/** A directory with a file of two names, links, a subdirectory. */
function makeTree(context: TestContext): string {
  const base = mkdtempSync(join(tmpdir(), 'cp-'));
  context.after(() => rmSync(base, { recursive: true, force: true }));
  const tree = join(base, 'src');
  mkdirSync(join(tree, 'sub/deep'), { recursive: true });
  writeFileSync(join(tree, 'file'), 'hello\n');
  linkSync(join(tree, 'file'), join(tree, 'hard'));
  writeFileSync(join(tree, 'sub', 'ünïcode'), 'x'.repeat(1000));
  chmodSync(join(tree, 'sub', 'ünïcode'), 0o4750);
  symlinkSync('file', join(tree, 'link'));
  symlinkSync('sub', join(tree, 'to-sub'));
  symlinkSync('/etc/hostname', join(tree, 'absolute'));
  return base;
}

async function membersOf(bytes: unknown): Promise<readonly unknown[]> {
  const members: unknown[] = [];
  const source = (async function* () {
    if (bytes instanceof Uint8Array) yield bytes;
  })();
  for await (const { entry } of readTar(source)) {
    const { name, type, mode, uid, gid, sizeBytes, linkName } = entry;
    members.push([name, type, mode & 0o7777, uid, gid, sizeBytes, linkName]);
  }
  return members;
}

const UPLOADS = `
src directory:/x
src/ directory:/x/
src/. directory:/x
src nothing:/new
src/. nothing:/new
src/. nothing:/new/
src/file directory:/x
src/file nothing:/new
src/file nothing:/new/
src/file file:/x
src/file directory:
src file:/x
src/link nothing:/new
-L src/link directory:/x
-L src/to-sub directory:/x
-L src/to-sub nothing:/new
src/to-sub/ directory:/x
src/to-sub/. directory:/x
src/to-sub/ünïcode directory:/x
-a src/sub directory:/x
src/file/ directory:/x
src/nope directory:/x
nope/file directory:/x
src/file device:/x
src/file full:/x
- nothing:/x
src/file a:b:c
a:b c:d
./a:b c
a b
`;

test('what is sent into a container is what docker sends', async (context) => {
  if (!hasClient('docker28')) return context.skip('no docker client here');
  const base = makeTree(context);
  await using recorder = await startRecorder(PATHS);
  const back = process.cwd();
  process.chdir(base);
  context.after(() => process.chdir(back));
  for (const line of UPLOADS.trim().split('\n')) {
    await context.test(line, async () => {
      const args = ['cp', ...line.split(' ')];
      const [docker, gantry] = [await recorder.docker(args), await recorder.gantry(args)];
      // A copy that is refused half-way makes docker log about its own pipes, or not.
      const said = docker.stderr.replace(/^time=.*\n/gm, '');
      assert.deepEqual([gantry.code, gantry.stderr], [docker.code, said]);
      const asked = (requests: typeof docker.requests) =>
        requests.map(({ method, path, query }) => [method, path, query]);
      assert.deepEqual(asked(gantry.requests), asked(docker.requests));
      assert.deepEqual(await membersOf(gantry.requests.at(-1)?.body), await membersOf(docker.requests.at(-1)?.body));
    });
  }
});

const pack = (base: string, ...args: readonly string[]): Buffer =>
  execFileSync('tar', ['-C', base, '--owner=77', '--group=77', '-cf', '-', ...args]);

const DOWNLOADS = `
tree:/src there
tree:/src there/
tree:/src new
tree:/src new/
tree:/src a-file
content:/src/. there
content:/src/. new
file:/src/file there
file:/src/file new
file:/src/file new/
file:/src/file a-file
file:/src/file a-file/
file:/src/file to-file
file:/src/file to-there
file:/src/file dangling
file:/src/file no/such
-L linked:/link there
-L linked:/link new
tree:/src clash
tree:/src /dev/null
missing:/x there
`;

test('what comes out of a container lands where docker puts it', async (context) => {
  if (!hasClient('docker28')) return context.skip('no docker client here');
  const base = makeTree(context);
  const file = { ...stat(FILE), body: pack(base, '--transform=s,^src/,,', 'src/file') };
  await using recorder = await startRecorder({
    'GET /containers/tree/archive': { body: pack(base, 'src'), ...stat(DIRECTORY) },
    'GET /containers/content/archive': { body: pack(join(base, 'src'), '.'), ...stat(DIRECTORY) },
    'GET /containers/file/archive': file,
    'HEAD /containers/linked/archive': stat(SYMLINK, '/src/file'),
    'GET /containers/linked/archive': file,
    'GET /containers/missing/archive': { status: 404, body: { message: 'Could not find the file /x in container c' } },
  });
  const back = process.cwd();
  context.after(() => process.chdir(back));
  for (const line of DOWNLOADS.trim().split('\n')) {
    await context.test(line, async () => {
      const docker = await land(recorder, 'docker', base, line);
      assert.deepEqual(await land(recorder, 'gantry', base, line), docker);
    });
  }
});

/** Copies into a fresh directory with some of everything, and lists what is there afterwards. */
async function land(recorder: Recorder, client: 'docker' | 'gantry', base: string, line: string) {
  const place = join(base, 'place');
  rmSync(place, { recursive: true, force: true });
  mkdirSync(join(place, 'there'), { recursive: true });
  mkdirSync(join(place, 'clash/src/file'), { recursive: true });
  writeFileSync(join(place, 'a-file'), 'old');
  symlinkSync('a-file', join(place, 'to-file'));
  symlinkSync('there', join(place, 'to-there'));
  symlinkSync('not-there', join(place, 'dangling'));
  process.chdir(place);
  const { code, stderr } = await recorder[client](['cp', ...line.split(' ')]);
  // Where docker stops half-way, what it has written so far is its own affair.
  const listing =
    code === 0 ? execFileSync('find', ['.', '-printf', '%p %y %m %U %s %l %n\\n'], { encoding: 'utf8' }) : '';
  const sizes = listing.split('\n').map((entry) => entry.replace(/ d (\d+) (\d+) \d+ /, ' d $1 $2 '));
  return { code, stderr: code === 0 ? stderr : stderr.replace(/.*(cannot overwrite)/, '$1'), listing: sizes.sort() };
}

test('- as the target gives the tar as it came, - as the source sends one as it is', async (context) => {
  const base = makeTree(context);
  const tar = pack(base, 'src');
  await using recorder = await startRecorder({ 'GET /containers/c/archive': { body: tar, ...stat(DIRECTORY) } });
  assert.equal((await recorder.gantry(['cp', 'c:/src', '-'])).stdout, tar.toString());
});

interface Hostile {
  readonly type: 'file' | 'symlink' | 'link' | 'directory';
  readonly name: string;
  readonly linkName?: string;
}

function hostileTar(entries: readonly Hostile[]): Buffer {
  const headers = entries.map(({ type, name, linkName = '' }) =>
    printTarHeader({
      type,
      name: byteStringOfText(name),
      linkName,
      mode: 0o644,
      uid: 0,
      gid: 0,
      sizeBytes: 0,
      mtimeSeconds: 1,
      mtimeNanoseconds: 0,
      xattrs: undefined,
    }),
  );
  return Buffer.concat([...headers, tarEnd()]);
}

const ATTACKS: Readonly<Record<string, readonly Hostile[]>> = {
  'a name with ..': [{ type: 'file', name: 'src/../../victim' }],
  'a file below a link of its own': [
    { type: 'directory', name: 'src' },
    { type: 'symlink', name: 'src/out', linkName: '..' },
    { type: 'file', name: 'src/out/../victim' },
  ],
  'a file through a link of its own': [
    { type: 'symlink', name: 'src', linkName: 'BASE' },
    { type: 'file', name: 'src/victim' },
  ],
  'a file through a link that is there': [{ type: 'file', name: 'planted/victim' }],
  'a hard link to what a link leads to': [
    { type: 'symlink', name: 'src', linkName: 'BASE/victim' },
    { type: 'link', name: 'mine', linkName: 'src' },
    { type: 'file', name: 'mine' },
  ],
  'a hard link out': [{ type: 'link', name: 'mine', linkName: '../victim' }],
};

test('an archive that a hostile container made writes nothing outside of the target', async (context) => {
  const base = makeTree(context);
  const victim = join(base, 'victim');
  for (const [what, entries] of Object.entries(ATTACKS)) {
    await context.test(what, async () => {
      const place = join(base, 'target');
      rmSync(place, { recursive: true, force: true });
      mkdirSync(place);
      symlinkSync(base, join(place, 'planted'));
      writeFileSync(victim, 'untouched');
      const located = entries.map((entry) => ({ ...entry, linkName: (entry.linkName ?? '').replace('BASE', base) }));
      await using recorder = await startRecorder({
        'GET /containers/c/archive': { body: hostileTar(located), ...stat(DIRECTORY) },
      });
      const { code, stderr } = await recorder.gantry(['cp', 'c:/src', place]);
      assert.equal(code, 1, stderr);
      assert.equal(readFileSync(victim, 'utf8'), 'untouched');
    });
  }
});
