import { runCommand } from '../../tests/support/command.ts';
import { BIG_FILE, BIG_IMAGE } from '../images.ts';
import { cli, type Row } from '../row.ts';

/** What a program does, as a shell line for the same static busybox inside and outside; about a second each. */
const WORK = {
  cpu: 'awk "BEGIN{for(i=0;i<1500000;i++)x+=i%7}"',
  memory: 'dd if=/dev/zero of=/dev/null bs=64M count=160',
  files: 'i=0; while [ $i -lt 100 ]; do dd if=FILE of=/dev/null bs=1M; i=$((i+1)); done',
} as const;

/** The best of so many runs each, in turn: what disturbs a processor only ever makes it slower. */
const TURNS = 5;

function row(id: keyof typeof WORK, title: string): Row {
  return {
    id: `inside-${id}`,
    title: `speed inside, ${title}, host = 1`,
    unit: 'ratio',
    goal: { kind: 'atLeast', value: 0.99 },
    engines: ['gantry', 'dockerd'],
    samples: 3,
    prepare: async (engine) => {
      await cli(engine, ['run', '-d', '--name', `bench-${id}`, BIG_IMAGE, 'sleep', '3600']);
      await cli(engine, ['exec', `bench-${id}`, 'dd', `if=${BIG_FILE}`, 'of=/dev/null', 'bs=1M']);
    },
    sample: async (engine, { images }) => {
      const inside: number[] = [];
      const outside: number[] = [];
      for (let turn = 0; turn < TURNS; turn += 1) {
        const argv = ['exec', `bench-${id}`, 'sh', '-c', line(id, BIG_FILE)];
        inside.push(processorSecondsIn(await cli(engine, argv)));
        const host = await runCommand(['/bin/busybox', 'sh', '-c', line(id, images.manyFilesTar)], {
          env: { LANG: 'C', LC_ALL: 'C' },
        });
        outside.push(processorSecondsIn(host.stdout));
      }
      return Math.min(...outside) / Math.min(...inside);
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

/**
 * User and system seconds as busybox's `time` prints them (`user 0m 1.23s`). Not the wall clock: nothing here waits for
 * anything but the processor, and what else the machine does is not the container's fault.
 */
function processorSecondsIn(text: string): number {
  const parts = [...text.matchAll(/(?:user|sys)\s+(\d+)m\s*([\d.]+)s/g)];
  if (parts.length !== 2) throw new Error(`no times in: ${text}`);
  return parts.reduce((total, [, minutes, seconds]) => total + Number(minutes) * 60 + Number(seconds), 0);
}

export const INSIDE_ROWS: readonly Row[] = [
  row('cpu', 'computing'),
  row('memory', 'memory bandwidth'),
  row('files', 'reading cached files'),
];
