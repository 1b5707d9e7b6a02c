import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { runCommand } from '../support/command.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const NOBODY = 'unix:///nonexistent/gantry.sock';

const directory = mkdtempSync(join(tmpdir(), 'gantry-bundle-'));
after(() => rmSync(directory, { recursive: true }));

const bundle = join(directory, 'cache/cli/gantry.cjs');
const made = await runCommand([process.execPath, join(ROOT, 'scripts/build-cli.mjs'), bundle]);
assert.deepEqual(made, { code: 0, stdout: '', stderr: '' });

const run = (...args: readonly string[]) =>
  runCommand([process.execPath, ...args], { env: { GANTRY_HOST: NOBODY, GANTRY_AUTOSTART: '' } });

test('the bundle says what the sources say', async () => {
  for (const args of [
    ['--help'],
    ['run', '--help'],
    ['dns', 'install', '--help'],
    ['daemon', '--help'],
    ['ps', '-Z'],
    ['ps'],
  ]) {
    const ofSources = await run(join(ROOT, 'src/bin/gantry.ts'), ...args);
    assert.deepEqual(await run(bundle, ...args), ofSources, args.join(' '));
  }
});

test('gantry run loads nothing of Node that only other commands need', async () => {
  const recorder = join(directory, 'recorder.cjs');
  writeFileSync(
    recorder,
    `process.on('exit', () => require('node:fs').writeSync(1, JSON.stringify(process.moduleLoadList)));`,
  );
  const result = await run('--require', recorder, bundle, 'run', '--rm', 'image', 'true');
  assert.equal(result.code, 125, result.stderr);
  assert.match(result.stderr, /Cannot connect to the Gantry daemon/);
  const loaded = new Set(JSON.parse(result.stdout) as string[]);
  assert.ok(loaded.has('NativeModule net'));
  for (const name of [
    'child_process',
    'dgram',
    'dns/promises',
    'fs/promises',
    'http',
    'module',
    'timers/promises',
    'zlib',
  ]) {
    assert.ok(!loaded.has(`NativeModule ${name}`), `${name} is loaded`);
  }
});

test('the launcher makes the bundle again when any file that it is made of changes', async () => {
  const { metafile } = await build({
    entryPoints: [join(ROOT, 'src/bin/gantry.ts')],
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    write: false,
    metafile: true,
    logLevel: 'error',
    logOverride: { 'empty-import-meta': 'silent' },
  });
  const loop = /for file in ((?:.|\\\n)*?); do/.exec(readFileSync(join(ROOT, 'gantry'), 'utf8'))?.[1] ?? '';
  const patterns = [...loop.matchAll(/"\$root"\/(\S+)/g)].map(([, pattern = '']) => pattern);
  const watched = new Set(globSync(patterns, { cwd: ROOT }));
  assert.ok(watched.has('scripts/build-cli.mjs'));
  assert.deepEqual(
    Object.keys(metafile.inputs).filter((input) => !watched.has(input)),
    [],
  );
});
