import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { probeCgroups } from './cgroup.ts';
import { cgroupQuickener } from './cgroup-quicken.ts';

inThrowawayHost();

test('quickening leaves this process in its groups, however often it is asked for and whatever the host has', async () => {
  const before = readFileSync('/proc/self/cgroup', 'utf8');
  const host = probeCgroups();
  for (const quicken of [cgroupQuickener(host), cgroupQuickener({ ...host, hierarchies: [] })]) {
    for (let i = 0; i < 50; i++) quicken();
    await sleep(50);
    quicken();
  }
  await sleep(100);
  assert.equal(readFileSync('/proc/self/cgroup', 'utf8'), before);
});
