import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { machine, release } from 'node:os';
import test from 'node:test';
import { newContainerId } from '#/base/ids.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { DEFAULT_CAPABILITIES } from './capabilities.ts';
import { resolveSeccomp } from './seccomp.ts';
import { collectOutput, openRuntimeHost, taskProcess } from './testing/runtime-host.ts';

inThrowawayHost();

const SHOW = ['sh', '-c', 'cat /proc/self/status; unshare -U true; echo unshare $?'];

test('the filter holds for the first container, for the next with the same one, and for what is executed in both', async () => {
  await using host = await openRuntimeHost();
  const subject = { capabilities: DEFAULT_CAPABILITIES, architecture: machine(), kernelVersion: release() };
  const allowed = resolveSeccomp(readFileSync('/usr/share/containers/seccomp.json', 'utf8'), subject);
  const seccomp = {
    ...allowed,
    syscalls: [...(allowed.syscalls ?? [])].map((rule) => ({
      ...rule,
      names: rule.names.filter((name) => name !== 'unshare'),
    })),
  };
  const namespaces = [{ type: 'pid' }, { type: 'mount' }] as const;
  for (const round of [1, 2]) {
    const id = newContainerId();
    const linux = { cgroupsPath: `/gantry/${id}`, namespaces, seccomp };
    await host.create(['sh', '-c', `${SHOW[2]}; sleep 100`], { id, config: { linux } });
    const attached = await host.runtime.attach(id, {});
    const own = collectOutput(attached);
    await host.runtime.start(id);
    const exec = await host.runtime.exec(id, {
      sessionId: 's',
      process: taskProcess({ args: SHOW }),
      openStdin: false,
      detached: false,
    });
    const executed = exec.stdio && collectOutput(exec.stdio);
    await exec.exited;
    await exec.stdio?.ended;
    while (!own.stdout.includes('unshare ')) await new Promise((resolve) => setTimeout(resolve, 10));
    for (const output of [own, executed]) {
      assert.match(output?.stdout ?? '', /^Seccomp:\t2$/m, `round ${round}`);
      assert.match(output?.stdout ?? '', /^unshare 1$/m, `round ${round}`);
    }
    await host.runtime.delete(id);
  }
});
