import { runCommand } from '../../tests/support/command.ts';
import { BIG_FILE, BIG_IMAGE } from '../images.ts';
import { cli, type Row } from '../row.ts';

/** What a program does, as a shell line for the same static busybox inside and outside; about a second each. */
const WORK = {
  cpu: 'awk "BEGIN{for(i=0;i<1500000;i++)x+=i%7}"',
  memory: 'dd if=/dev/zero of=/dev/null bs=64M count=160',
  files:
    'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24; do dd if=FILE of=/dev/null bs=1M; done',
} as const;

function row(id: keyof typeof WORK, title: string): Row {
  return {
    id: `inside-${id}`,
    title: `speed inside, ${title}, host = 1`,
    unit: 'ratio',
    goal: { kind: 'atLeast', value: 0.99 },
    engines: ['gantry', 'dockerd'],
    samples: 7,
    prepare: async (engine) => {
      await cli(engine, ['run', '-d', '--name', `bench-${id}`, BIG_IMAGE, 'sleep', '3600']);
      await cli(engine, ['exec', `bench-${id}`, 'dd', `if=${BIG_FILE}`, 'of=/dev/null', 'bs=1M']);
    },
    sample: async (engine, { images }) => {
      const inside = await cli(engine, ['exec', `bench-${id}`, 'sh', '-c', line(id, BIG_FILE)]);
      const outside = await runCommand(['/bin/busybox', 'sh', '-c', line(id, images.manyFilesTar)]);
      return secondsIn(outside.stdout) / secondsIn(inside);
    },
    finish: async (engine) => {
      await cli(engine, ['rm', '-f', `bench-${id}`]);
    },
  };
}

/** Prints the seconds of work on stdout. The host reads the first 64 MiB of a file as large or larger. */
function line(id: keyof typeof WORK, file: string): string {
  const count = file === BIG_FILE ? '' : ' count=64';
  const work = WORK[id].replace('if=FILE of=/dev/null bs=1M', `if=${file} of=/dev/null bs=1M${count}`);
  return `{ time sh -c '${work} 2>/dev/null' ; } 2>&1`;
}

/** busybox's `time`: `real 0m 1.23s`. */
function secondsIn(text: string): number {
  const [, minutes, seconds] = /real\s+(\d+)m\s*([\d.]+)s/.exec(text) ?? [];
  if (minutes === undefined || seconds === undefined) throw new Error(`no time in: ${text}`);
  return Number(minutes) * 60 + Number(seconds);
}

export const INSIDE_ROWS: readonly Row[] = [
  row('cpu', 'computing'),
  row('memory', 'memory bandwidth'),
  row('files', 'reading cached files'),
];
