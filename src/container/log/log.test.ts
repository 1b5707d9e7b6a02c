import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseLogLine, utcTime } from './k8s-file.ts';
import { type ReadLogOptions, readLog } from './read-log.ts';
import { parseLogSize } from './rotate.ts';

const line = (second: number, text: string, stream = 'stdout', tag = 'F'): string =>
  `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000001+00:00 ${stream} ${tag} ${text}\n`;

const never = new AbortController().signal;
const options: ReadLogOptions = {
  tailLines: undefined,
  since: undefined,
  until: undefined,
  followUntil: undefined,
  signal: never,
};

async function read(path: string, over: Partial<ReadLogOptions> = {}): Promise<string> {
  let text = '';
  for await (const batch of readLog(path, { ...options, ...over }))
    for (const entry of batch) text += Buffer.from(entry.data).toString();
  return text;
}

async function withLog(body: (path: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-log-'));
  try {
    await body(join(directory, 'container.log'));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('a line keeps its stream, its time in UTC, and its newline only where the container wrote one', () => {
  const whole = parseLogLine(Buffer.from(line(1, 'hello')));
  assert.deepEqual(
    [whole?.stream, whole?.time, Buffer.from(whole?.data ?? []).toString()],
    ['stdout', '2026-01-01T00:00:01.000000001Z', 'hello\n'],
  );
  const part = parseLogLine(Buffer.from(line(1, 'no newline', 'stderr', 'P')));
  assert.deepEqual([part?.stream, Buffer.from(part?.data ?? []).toString()], ['stderr', 'no newline']);
  assert.equal(parseLogLine(Buffer.from('torn\n')), undefined);
  assert.equal(utcTime('2026-01-01T02:30:00.5+02:30'), '2026-01-01T00:00:00.500000000Z');
});

test('rotated files are read as one log, oldest first, and the tail reaches back over them', async () => {
  await withLog(async (path) => {
    writeFileSync(`${path}.2`, line(1, 'a') + line(2, 'b'));
    writeFileSync(`${path}.1`, line(3, 'c'));
    writeFileSync(path, line(4, 'd') + line(5, 'e'));
    assert.equal(await read(path), 'a\nb\nc\nd\ne\n');
    for (const [count, expected] of [
      [0, ''],
      [1, 'e\n'],
      [2, 'd\ne\n'],
      [3, 'c\nd\ne\n'],
      [4, 'b\nc\nd\ne\n'],
      [9, 'a\nb\nc\nd\ne\n'],
    ] as const) {
      assert.equal(await read(path, { tailLines: count }), expected, `tail ${count}`);
    }
    assert.equal(
      await read(path, { since: '2026-01-01T00:00:03.000000000Z', until: '2026-01-01T00:00:04.500000000Z' }),
      'c\nd\n',
    );
  });
});

test('following goes on over rotations and loses nothing', async () => {
  await withLog(async (path) => {
    writeFileSync(path, line(1, 'a'));
    const ended = new AbortController();
    const following = read(path, { followUntil: ended.signal });
    await new Promise((resolve) => setTimeout(resolve, 30));
    appendFileSync(path, line(2, 'b'));
    renameSync(path, `${path}.1`);
    appendFileSync(`${path}.1`, line(3, 'c'));
    writeFileSync(path, line(4, 'd'));
    renameSync(`${path}.1`, `${path}.2`);
    renameSync(path, `${path}.1`);
    writeFileSync(path, line(5, 'e'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    appendFileSync(path, line(6, 'f'));
    ended.abort();
    assert.equal(await following, 'a\nb\nc\nd\ne\nf\n');
  });
});

test('a line longer than a read block arrives whole', async () => {
  await withLog(async (path) => {
    const long = 'x'.repeat(700_000);
    writeFileSync(path, line(1, long) + line(2, 'after'));
    assert.equal(await read(path), `${long}\nafter\n`);
    assert.equal(await read(path, { tailLines: 2 }), `${long}\nafter\n`);
  });
});

test('sizes of log files are written as Docker has them', () => {
  assert.deepEqual(['10m', '1k', '3g', '512', '-1', 'x'].map(parseLogSize), [
    10_485_760,
    1024,
    3_221_225_472,
    512,
    undefined,
    undefined,
  ]);
});

test('the tail counts what the container wrote as lines, also where they lie in pieces and over several files', async () => {
  await withLog(async (path) => {
    const part = (text: string) => line(1, text, 'stdout', 'P');
    writeFileSync(`${path}.1`, line(1, 'a') + part('b'));
    writeFileSync(path, part('b') + line(1, 'b') + line(1, 'c') + part('d') + part('d'));
    assert.equal(await read(path, { tailLines: 0 }), '');
    assert.equal(await read(path, { tailLines: 1 }), 'dd');
    assert.equal(await read(path, { tailLines: 2 }), 'c\ndd');
    assert.equal(await read(path, { tailLines: 3 }), 'bbb\nc\ndd');
    assert.equal(await read(path, { tailLines: 4 }), 'a\nbbb\nc\ndd');
  });
});
