import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { printTarHeader, type TarHeaderFields, tarEnd, tarPadding } from '#/archive/tar-writer.ts';
import { inThrowawayHost } from '../support/host.ts';
import { useSubject } from './engine.ts';

inThrowawayHost();
const subject = useSubject();
/** A directory of the host that has the same name inside, and what must neither leave nor change. */
const prey = join(tmpdir(), 'prey');
const SECRET = 'host-secret';
mkdirSync(prey, { recursive: true });
writeFileSync(join(prey, 'file'), SECRET);
chmodSync(join(prey, 'file'), 0o600);

const preyIsWhole = (): void => {
  assert.deepEqual(readdirSync(prey), ['file']);
  assert.equal(readFileSync(join(prey, 'file'), 'utf8'), SECRET);
  assert.equal(statSync(join(prey, 'file')).mode & 0o7777, 0o600);
};

const PLAIN: TarHeaderFields = {
  type: 'file',
  name: '',
  mode: 0o777,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  mtimeSeconds: 1,
  mtimeNanoseconds: 0,
  xattrs: undefined,
};

function tar(...entries: ReadonlyArray<Partial<TarHeaderFields> & { readonly content?: string }>): Buffer {
  const parts = entries.flatMap(({ content = '', ...fields }) => [
    printTarHeader({ ...PLAIN, sizeBytes: content.length, ...fields }),
    Buffer.from(content),
    tarPadding(content.length),
  ]);
  return Buffer.concat([...parts, tarEnd()]);
}

function put(name: string, path: string, body: Buffer): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const url = `/containers/${name}/archive?path=${encodeURIComponent(path)}`;
    const sent = request({ socketPath: subject.daemon.socketPath, method: 'PUT', path: url }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function get(name: string, path: string): Promise<Buffer> {
  return await new Promise((resolve, reject) => {
    const url = `/containers/${name}/archive?path=${encodeURIComponent(path)}`;
    const sent = request({ socketPath: subject.daemon.socketPath, path: url }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('close', () => resolve(Buffer.concat(chunks)));
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** While a program in the container swaps a directory for a link that leads to the host's file of that name. */
async function whileSwapping(name: string, body: () => Promise<void>): Promise<void> {
  const pid = await subject.start(name, []);
  const swap = [
    `mkdir -p /work/${'d'} /work/link.d ${prey}; rmdir /work/link.d; cd /work; echo inside > d/file; ln -s ${prey} link`,
    'while true; do mv d real; mv link d; mv d link; mv real d; done',
  ].join('; ');
  const program = spawn('nsenter', ['-t', String(pid), '-m', '-r', '-w', 'sh', '-c', swap], { stdio: 'ignore' });
  try {
    await body();
  } finally {
    program.kill('SIGKILL');
  }
}

test('reading while a directory is swapped for a link gives what is inside the container, or nothing', async () => {
  await whileSwapping('swapped-read', async () => {
    let found = 0;
    for (let i = 0; i < 60; i++) {
      const bytes = await get('swapped-read', i % 2 === 0 ? '/work/d/file' : '/work/d/.');
      assert.equal(bytes.includes(SECRET), false);
      if (bytes.includes('inside')) found++;
    }
    assert.ok(found > 0, 'the race never left the file where it was');
  });
});

test('writing while a directory is swapped for a link never reaches the host', async () => {
  const archive = tar(
    { name: 'd/', type: 'directory', mode: 0o711 },
    { name: 'd/file', content: 'overwritten', mode: 0o6777 },
    { name: 'd/new', content: 'new' },
  );
  await whileSwapping('swapped-write', async () => {
    for (let i = 0; i < 60; i++) {
      await put('swapped-write', '/work', archive);
      await put('swapped-write', '/work/d', tar({ name: 'file', content: 'overwritten', mode: 0o6777 }));
    }
  });
  preyIsWhole();
});

test('removing a directory that a file replaces never follows a link that takes its place', async () => {
  await whileSwapping('swapped-removal', async () => {
    for (let i = 0; i < 60; i++) await put('swapped-removal', '/work', tar({ name: 'real', content: 'x' }));
  });
  preyIsWhole();
});

for (const state of ['running', 'stopped'] as const) {
  test(`hostile tars stay inside a container that is ${state}`, async () => {
    const name = `hostile-${state}`;
    await subject.start(name, []);
    if (state === 'stopped') await subject.docker.ok(['kill', name]);
    const climb = `../../../../../../../..${prey}`;
    for (const [what, body] of [
      ['a name that climbs', tar({ name: `${climb}/new`, content: 'x' })],
      ['an absolute name', tar({ name: `${prey}/new`, content: 'x' })],
      [
        'an absolute link on the way',
        tar({ name: 'way', type: 'symlink', linkName: prey }, { name: 'way/new', content: 'x' }),
      ],
      [
        'a climbing link on the way',
        tar({ name: 'up', type: 'symlink', linkName: climb }, { name: 'up/file', content: 'x' }),
      ],
      [
        'a hard link to outside',
        tar({ name: 'hard', type: 'link', linkName: `${climb}/file` }, { name: 'hard', content: 'x' }),
      ],
      [
        'a hard link through a link',
        tar({ name: 'in', type: 'symlink', linkName: prey }, { name: 'h2', type: 'link', linkName: 'in/file' }),
      ],
      [
        'a link to the end, then its content',
        tar({ name: 'end', type: 'symlink', linkName: `${prey}/file` }, { name: 'end', content: 'x' }),
      ],
      ['a link of proc', tar({ name: 'p', type: 'symlink', linkName: '/proc/1/root' }, { name: 'p/x', content: 'x' })],
    ] as const) {
      const { status } = await put(name, '/tmp', body);
      assert.ok(status === 200 || (status >= 400 && status < 501), `${what}: ${status}`);
      preyIsWhole();
    }
    assert.equal(existsSync('/x'), false);
    const read = await get(name, '/tmp/end');
    assert.equal(read.includes(SECRET), false);
    assert.equal((await get(name, '/tmp/way/file')).includes(SECRET), false);
    assert.equal((await get(name, `/proc/self/root${prey}/file`)).includes(SECRET), false);
    assert.equal((await get(name, `/../../../..${prey}/file`)).includes(SECRET), false);
  });
}

test('no program of the container runs for a compressed tar', async () => {
  await subject.start('compressed', []);
  await subject.docker.ok([
    'exec',
    'compressed',
    'sh',
    '-c',
    'for p in xz gzip unpigz pigz zstd; do printf "#!/bin/sh\\ntouch /ran" > /bin/$p; chmod +x /bin/$p; done',
  ]);
  const plain = tar({ name: 'file', content: 'unpacked' });
  for (const [tool, path] of [
    ['gzip', '/tmp'],
    ['xz', '/var'],
  ] as const) {
    await put('compressed', path, execFileSync(tool, ['-c'], { input: plain }));
  }
  assert.equal(await subject.docker.ok(['exec', 'compressed', 'cat', '/tmp/file']), 'unpacked');
  assert.equal((await subject.docker(['exec', 'compressed', 'ls', '/ran'])).code, 1);
});

test('a mount is never emptied to make room for a file', async () => {
  mkdirSync(join(tmpdir(), 'kept'));
  writeFileSync(join(tmpdir(), 'kept/file'), 'kept');
  const flags = ['-v', `${join(tmpdir(), 'kept')}:/tmp/a/mounted`];
  await subject.start('kept', flags);
  for (let i = 0; i < 2; i++) {
    const { status } = await put('kept', '/tmp', tar({ name: 'a', content: 'file' }));
    assert.notEqual(status, 200);
    assert.equal(readFileSync(join(tmpdir(), 'kept/file'), 'utf8'), 'kept');
    if (i === 0) await subject.docker.ok(['kill', 'kept']);
  }
});
