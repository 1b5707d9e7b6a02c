import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BIG_FILE, BIG_IMAGE } from '../images.ts';
import { cli, type Row, timed } from '../row.ts';

const load: Row = {
  id: 'load',
  title: 'load of a 500 MB four-layer image',
  unit: 'ms',
  goal: { kind: 'ratio', atMost: 0.25 },
  engines: ['gantry', 'dockerd', 'podman'],
  samples: 3,
  sample: async (engine, { images }) => {
    await cli(engine, ['rmi', '-f', BIG_IMAGE]).catch(() => '');
    return await timed(() => cli(engine, ['load', '-i', images.bigArchive]));
  },
};

const floor: Row = {
  id: 'load-floor',
  title: 'copying and hashing the same bytes (floor of load)',
  unit: 'ms',
  engines: ['gantry'],
  samples: 3,
  sample: async (_, { images }) => {
    const copy = `${images.bigArchive}.copy`;
    const hash = createHash('sha256');
    const tee = new PassThrough();
    tee.on('data', (chunk: Buffer) => hash.update(chunk));
    const tookMs = await timed(() => pipeline(createReadStream(images.bigArchive), tee, createWriteStream(copy)));
    rmSync(copy);
    return tookMs;
  },
};

const MEMINFO_CACHED = /^Cached:\s+(\d+)/m;

function cachedMb(): number {
  return Number(MEMINFO_CACHED.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]) / 1024;
}

/** Only clean pages go: nothing is lost, reads of everybody are cold once. */
function dropCaches(): void {
  writeFileSync('/proc/sys/vm/drop_caches', '1');
}

const coldRead: Row = {
  id: 'cold-read',
  title: 'cold read of 64 MB from a layer (whole exec)',
  unit: 'ms',
  goal: { kind: 'ratio', atMost: 1 },
  engines: ['gantry', 'dockerd', 'podman'],
  samples: 5,
  prepare: async (engine) => {
    await cli(engine, ['run', '-d', '--name', 'bench-cold', BIG_IMAGE, 'sleep', '3600']);
  },
  sample: async (engine) => {
    dropCaches();
    // The programs themselves become warm again before the clock runs.
    await cli(engine, ['exec', 'bench-cold', 'dd', 'if=/etc/hello', 'of=/dev/null']);
    return await timed(() => cli(engine, ['exec', 'bench-cold', 'dd', `if=${BIG_FILE}`, 'of=/dev/null', 'bs=1M']));
  },
  finish: async (engine) => {
    await cli(engine, ['rm', '-f', 'bench-cold']);
  },
};

const pageCache: Row = {
  id: 'cold-read-cache',
  title: 'page cache taken by that read',
  unit: 'MB',
  goal: { kind: 'atMost', value: 70 },
  engines: ['gantry', 'dockerd', 'podman'],
  samples: 3,
  prepare: async (engine) => {
    await cli(engine, ['run', '-d', '--name', 'bench-cache', BIG_IMAGE, 'sleep', '3600']);
  },
  sample: async (engine) => {
    dropCaches();
    await cli(engine, ['exec', 'bench-cache', 'dd', 'if=/etc/hello', 'of=/dev/null']);
    const beforeMb = cachedMb();
    await cli(engine, ['exec', 'bench-cache', 'dd', `if=${BIG_FILE}`, 'of=/dev/null', 'bs=1M']);
    return cachedMb() - beforeMb;
  },
  finish: async (engine) => {
    await cli(engine, ['rm', '-f', 'bench-cache']);
  },
};

export const IMAGE_ROWS: readonly Row[] = [load, floor, coldRead, pageCache];
