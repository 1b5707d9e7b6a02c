import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { probeHost } from './host.ts';

inThrowawayHost();

const output = (program: string, ...args: string[]): string => execFileSync(program, args).toString().trim();

test('what the host is agrees with what its own tools say', () => {
  const host = probeHost();
  assert.equal(host.kernelVersion, output('uname', '-r'));
  assert.equal(host.architecture, output('uname', '-m'));
  assert.equal(host.name, output('hostname'));
  assert.equal(host.cpuCount, Number(output('nproc')));
  assert.equal(host.memoryBytes, Number(output('free', '-b').split(/\s+/)[7]));
  assert.equal(String(host.rlimits.get('nofile')?.hard), output('sh', '-c', 'ulimit -Hn'));
});

test('every limit and feature has a reason, and limits that the kernel only pretends to have do not count', () => {
  const { limits, features, cgroups } = probeHost();
  for (const { reason } of [...Object.values(limits), ...Object.values(features)]) assert.match(reason, /^\S.+\S$/);
  for (const knob of ['memory', 'cpuShares', 'cpuQuota', 'pids', 'cpuset'] as const)
    assert.ok(limits[knob].available, knob);
  if (Number(output('uname', '-r').split('.')[0]) >= 6) assert.equal(limits.kernelMemory.available, false);
  assert.equal(features.overlay.available, true);
  for (const { directory } of cgroups.hierarchies)
    assert.ok(!existsSync(join(directory, `gantry-probe-${process.pid}`)));
});
