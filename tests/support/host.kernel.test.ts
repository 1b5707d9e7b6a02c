import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { inThrowawayHost } from './host.ts';

inThrowawayHost();

test('a kernel test sees no interface but loopback, which is up', () => {
  const links = JSON.parse(execFileSync('ip', ['-j', 'link'], { encoding: 'utf8' }));
  assert.deepEqual(
    links.map((link: { ifname: string; flags: string[] }) => [link.ifname, link.flags.includes('UP')]),
    [['lo', true]],
  );
});

test('a kernel test sees its own processes only, and an empty /run and /var/lib/gantry', () => {
  assert.equal(readFileSync('/proc/1/comm', 'utf8').trim(), 'catatonit');
  assert.ok(!readdirSync('/run').includes('gantry'));
  assert.deepEqual(readdirSync('/var/lib/gantry'), []);
  assert.match(tmpdir(), /gantry-host-/);
});

test('a kernel test stands at the root of every control group hierarchy', () => {
  const groups = readFileSync('/proc/self/cgroup', 'utf8').trim().split('\n');
  assert.deepEqual(
    groups.filter((line) => !line.endsWith(':/')),
    [],
  );
});

test('a process that a test forgets dies with the host', () => {
  const forgotten = spawn('sleep', ['300'], { detached: true, stdio: 'ignore' });
  forgotten.unref();
  assert.ok(readlinkSync(`/proc/${forgotten.pid}/exe`).length > 0);
});
