import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { runCommand } from '../../../tests/support/command.ts';

const GANTRY = join(import.meta.dirname, '../../../gantry');
const ORIGINAL = 'search example.com\nnameserver 192.0.2.1\n';

let root: string;
const path = (name: string) => join(root, 'etc', name);
const read = (name: string) => readFileSync(path(name), 'utf8');
const dns = (...args: string[]) => runCommand([GANTRY, 'dns', ...args, '--root', root]);
const nameservers = () => [...read('resolv.conf').matchAll(/^nameserver (.*)$/gm)].map(([, address]) => address);

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gantry-dns-'));
  mkdirSync(join(root, 'etc'));
});
afterEach(() => rmSync(root, { recursive: true }));

test('a plain resolv.conf gets our resolver first, once, and comes back as it was', async () => {
  writeFileSync(path('resolv.conf'), ORIGINAL);
  for (let i = 0; i < 2; i++) {
    assert.equal((await dns('install')).code, 0);
    assert.deepEqual(nameservers(), ['127.0.0.153', '192.0.2.1']);
    assert.match(read('resolv.conf'), /^search example\.com$/m);
  }
  assert.match((await dns('status')).stdout, /installed: \/etc\/resolv\.conf\n/);
  assert.equal((await dns('uninstall')).code, 0);
  assert.equal(read('resolv.conf'), ORIGINAL);
  assert.deepEqual(readdirSync(join(root, 'etc')), ['resolv.conf']);
});

test('a resolv.conf that is a link is one again afterwards, and what it led to is untouched', async () => {
  writeFileSync(path('made-by-dhcp'), ORIGINAL);
  symlinkSync('made-by-dhcp', path('resolv.conf'));
  assert.equal((await dns('install', '--address', '127.0.0.5')).code, 0);
  assert.deepEqual(nameservers(), ['127.0.0.5', '192.0.2.1']);
  assert.equal(read('made-by-dhcp'), ORIGINAL);
  assert.equal((await dns('uninstall', '--address', '127.0.0.5')).code, 0);
  assert.equal(readlinkSync(path('resolv.conf')), 'made-by-dhcp');
});

test('what somebody else wrote meanwhile stays', async () => {
  writeFileSync(path('resolv.conf'), ORIGINAL);
  await dns('install');
  writeFileSync(path('resolv.conf'), 'nameserver 192.0.2.99\n');
  assert.match((await dns('status')).stdout, /installed: no/);
  assert.equal((await dns('uninstall')).code, 0);
  assert.deepEqual(nameservers(), ['192.0.2.99']);
  assert.deepEqual(readdirSync(join(root, 'etc')), ['resolv.conf']);
  await dns('install');
  await dns('uninstall');
  assert.deepEqual(nameservers(), ['192.0.2.99']);
});

test('where there was no resolv.conf there is none afterwards', async () => {
  await dns('install');
  assert.deepEqual(nameservers(), ['127.0.0.153']);
  await dns('uninstall');
  assert.deepEqual(readdirSync(join(root, 'etc')), []);
});

test('systemd-resolved is told by a file of its own, and resolv.conf is left alone', async () => {
  symlinkSync('../run/systemd/resolve/stub-resolv.conf', path('resolv.conf'));
  assert.equal((await dns('install')).code, 0);
  const dropIn = 'systemd/resolved.conf.d/gantry.conf';
  assert.match(read(dropIn), /^\[Resolve\]\nDNS=127\.0\.0\.153\nDomains=~gantry\.internal$/m);
  assert.match((await dns('status')).stdout, /installed: \/etc\/systemd\/resolved\.conf\.d\/gantry\.conf/);
  assert.equal((await dns('uninstall')).code, 0);
  assert.equal(existsSync(path(dropIn)), false);
  assert.equal(readlinkSync(path('resolv.conf')), '../run/systemd/resolve/stub-resolv.conf');
});

test('an address that is not of the loopback is refused before anything is written', async () => {
  const { code, stderr } = await dns('install', '--address', '192.0.2.1');
  assert.equal(code, 125);
  assert.match(stderr, /127\.0\.0\.0\/8/);
  assert.deepEqual(readdirSync(join(root, 'etc')), []);
});
