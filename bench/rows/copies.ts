import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BenchEngine } from '../engine.ts';
import { SMALL_IMAGE } from '../images.ts';
import { cli, type Row, timed } from '../row.ts';

const DAEMONS = ['gantry', 'dockerd'] as const;
const FILES = 5000;
const FILES_PER_DIRECTORY = 100;
const CONTAINER = 'bench-copied';

/** What is copied and where to, on the machine; one for each engine. */
const directories = (): Pick<Row, 'prepare' | 'finish'> & { of(engine: BenchEngine): string } => {
  const made = new Map<BenchEngine, string>();
  return {
    of: (engine) => made.get(engine) ?? '',
    async prepare(engine) {
      const directory = mkdtempSync(join(tmpdir(), 'bench-copies-'));
      made.set(engine, directory);
      makeTree(join(directory, 'tree'));
      writeFileSync(join(directory, 'small'), 'small');
      await cli(engine, ['run', '-d', '--name', CONTAINER, '--network', 'none', SMALL_IMAGE, 'sleep', '9999']);
      await cli(engine, ['cp', join(directory, 'tree'), `${CONTAINER}:/tree`]);
    },
    async finish(engine) {
      await cli(engine, ['rm', '-f', CONTAINER]);
      rmSync(made.get(engine) ?? '', { recursive: true, force: true });
    },
  };
};

function makeTree(path: string): void {
  for (let file = 0; file < FILES; file += 1) {
    const directory = join(path, `directory-${Math.floor(file / FILES_PER_DIRECTORY)}`);
    if (file % FILES_PER_DIRECTORY === 0) mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `file-${file}`), 'x'.repeat(1000 + (file % 100)));
  }
}

/** A row that copies; each copy into a container, or out of one, has a name of its own. */
function copyRow(
  fields: Pick<Row, 'id' | 'title' | 'goal' | 'samples'>,
  copy: (directory: string, unique: string) => readonly [from: string, to: string],
): Row {
  const { of, ...life } = directories();
  let copies = 0;
  return {
    ...fields,
    ...life,
    unit: 'ms',
    engines: DAEMONS,
    async sample(engine) {
      copies += 1;
      const [from, to] = copy(of(engine), `copy-${copies}`);
      return await timed(() => cli(engine, ['cp', from, to]));
    },
  };
}

export const COPY_ROWS: readonly Row[] = [
  copyRow(
    {
      id: 'cp-small',
      title: 'docker cp of a small file into a container',
      goal: { kind: 'ratio', atMost: 1 },
      samples: 15,
    },
    (directory, unique) => [join(directory, 'small'), `${CONTAINER}:/${unique}`],
  ),
  copyRow(
    {
      id: 'cp-tree-in',
      title: `docker cp of ${FILES} files into a container`,
      goal: { kind: 'ratio', atMost: 1 },
      samples: 3,
    },
    (directory, unique) => [join(directory, 'tree'), `${CONTAINER}:/${unique}`],
  ),
  copyRow(
    {
      id: 'cp-tree-out',
      title: `docker cp of ${FILES} files out of one`,
      goal: { kind: 'ratio', atMost: 1 },
      samples: 3,
    },
    (directory, unique) => [`${CONTAINER}:/tree`, join(directory, unique)],
  ),
];
