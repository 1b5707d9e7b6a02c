import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
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

test('the launcher makes the bundle again when a file that it is made of is newer, and else not', async () => {
  const checkout = copyCheckout();
  const made = join(checkout, '.cache/cli/gantry.cjs');
  assert.match(await versionOf(checkout), /0\.1\.0/);
  const first = statSync(made).ino;
  await versionOf(checkout);
  assert.equal(statSync(made).ino, first);
  const source = join(checkout, 'src/cli/version.ts');
  writeFileSync(source, readFileSync(source, 'utf8').replace('0.1.0', '9.8.7'));
  assert.match(await versionOf(checkout), /9\.8\.7/);
  assert.notEqual(statSync(made).ino, first);
});

test('where no bundle can be kept the launcher runs the sources', async () => {
  const checkout = copyCheckout();
  writeFileSync(join(checkout, '.cache'), 'no directory');
  assert.match(await versionOf(checkout), /0\.1\.0/);
});

async function versionOf(checkout: string): Promise<string> {
  const env = { NODE_COMPILE_CACHE: join(directory, 'compiled') };
  const { code, stdout, stderr } = await runCommand([join(checkout, 'gantry'), '--version'], { env });
  assert.equal(code, 0, stderr);
  return stdout;
}

function copyCheckout(): string {
  const checkout = mkdtempSync(join(directory, 'checkout-'));
  for (const part of ['gantry', 'package.json', 'package-lock.json', 'scripts', 'src']) {
    cpSync(join(ROOT, part), join(checkout, part), { recursive: true, preserveTimestamps: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'));
  return checkout;
}
