import assert from 'node:assert/strict';
import { createReadStream, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ContainerSpec, type Engine, openEngine } from 'gantry';
import { emptySpec } from '#/container/testing/spec.ts';
import { inThrowawayHost } from '../support/host.ts';
import { writeBusyboxArchive } from '../support/image.ts';

inThrowawayHost();

const root = mkdtempSync(join(tmpdir(), 'gantry-embedded-'));
const roots = { dataRoot: join(root, 'data'), execRoot: join(root, 'run') };

function specOf(image: string, command: readonly string[]): ContainerSpec {
  const spec = emptySpec(image);
  return {
    ...spec,
    network: { ...spec.network, mode: { kind: 'none' }, endpoints: {} },
    process: { ...spec.process, command },
  };
}

async function outputOf(engine: Engine, id: string): Promise<string> {
  const { signal } = new AbortController();
  const options = {
    stdout: true,
    stderr: true,
    follow: false,
    tailLines: undefined,
    since: undefined,
    until: undefined,
    signal,
  };
  let text = '';
  for await (const batch of engine.containers.logs(id, options)) {
    for (const entry of batch) text += Buffer.from(entry.data).toString();
  }
  return text;
}

test('a program embeds the engine: it runs containers without HTTP, and disposing it leaves them running', async () => {
  const archive = join(root, 'busybox.tar');
  await writeBusyboxArchive(archive);
  let runningId: string;
  {
    await using engine = await openEngine(roots);
    const [loaded] = await engine.images.load(createReadStream(archive));
    assert.ok(loaded);
    const { id } = await engine.containers.create(specOf(loaded.id, ['echo', 'from', 'inside']));
    const exit = engine.containers.wait(id, 'next-exit');
    await engine.containers.start(id);
    assert.deepEqual(await exit, { code: 0 });
    assert.equal(await outputOf(engine, id), 'from inside\n');
    await engine.containers.remove(id, { force: false });
    ({ id: runningId } = await engine.containers.create(specOf(loaded.id, ['sleep', '60'])));
    await engine.containers.start(runningId);
  }
  await using next = await openEngine(roots);
  assert.equal(next.containers.get(runningId).state.status, 'running');
  await next.containers.remove(runningId, { force: true });
  assert.deepEqual(next.containers.list(), []);
});

test('an error says its kind and what was meant', async () => {
  await using engine = await openEngine(roots);
  assert.throws(() => engine.containers.get('nobody'), { kind: 'not-found', message: 'No such container: nobody' });
});
