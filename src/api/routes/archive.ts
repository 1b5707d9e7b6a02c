import { constants } from 'node:fs';
import { EngineError, type PathStat } from '#/engine/index.ts';
import { sendEmpty } from '../answer.ts';
import { boolOf } from '../query.ts';
import type { HttpCall, Route } from '../router.ts';
import { idOf } from './containers.ts';
import { writeAll } from './streams.ts';

export const ARCHIVE_ROUTES: readonly Route[] = [
  { kind: 'http', method: 'HEAD', path: '/containers/:id/archive', handle: head },
  { kind: 'http', method: 'GET', path: '/containers/:id/archive', handle: get },
  { kind: 'http', method: 'PUT', path: '/containers/:id/archive', handle: put },
];

const STAT_HEADER = 'X-Docker-Container-Path-Stat';

function pathOf(query: URLSearchParams): string {
  const path = query.get('path') ?? '';
  if (path === '') throw new EngineError('invalid-argument', 'bad parameter: path cannot be empty');
  return path;
}

async function head(call: HttpCall): Promise<void> {
  const stat = await call.engine.containers.statPath(idOf(call), pathOf(call.query));
  call.response.setHeader(STAT_HEADER, printPathStat(stat));
  sendEmpty(call.response, 200);
}

async function get(call: HttpCall): Promise<void> {
  const { response } = call;
  const { stat, content } = await call.engine.containers.copyFrom(idOf(call), pathOf(call.query));
  const headers = { 'Content-Type': 'application/x-tar', [STAT_HEADER]: printPathStat(stat) };
  for await (const chunk of content) {
    if (response.destroyed) return;
    // Only now: what fails before the first bytes still gets a status.
    if (!response.headersSent) response.writeHead(200, headers);
    await writeAll(response, chunk);
  }
  response.end();
}

async function put(call: HttpCall): Promise<void> {
  const { query, request } = call;
  // Left open: its answer goes the same way.
  const body = request.iterator({ destroyOnReturn: false });
  await call.engine.containers.copyInto(idOf(call), pathOf(query), body, {
    noOverwriteDirNonDir: boolOf(query, 'noOverwriteDirNonDir'),
    copyUidGid: boolOf(query, 'copyUIDGID'),
  });
  sendEmpty(call.response, 200);
}

function printPathStat({ name, sizeBytes, mode, mtimeNs, linkTarget }: PathStat): string {
  const json = { name, size: sizeBytes, mode: printGoFileMode(mode), mtime: printTime(mtimeNs), linkTarget };
  return Buffer.from(JSON.stringify(json)).toString('base64');
}

/** RFC 3339 with nanoseconds. */
function printTime(epochNs: bigint): string {
  const nanoseconds = ((epochNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  const seconds = Number((epochNs - nanoseconds) / 1_000_000_000n);
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanoseconds).padStart(9, '0')}Z`;
}

/** Bits of Go's `fs.FileMode`, by file type. */
const GO_TYPES: Readonly<Record<number, number>> = {
  [constants.S_IFDIR]: 2 ** 31,
  [constants.S_IFLNK]: 2 ** 27,
  [constants.S_IFBLK]: 2 ** 26,
  [constants.S_IFIFO]: 2 ** 25,
  [constants.S_IFSOCK]: 2 ** 24,
  [constants.S_IFCHR]: 2 ** 26 + 2 ** 21,
};

function printGoFileMode(mode: number): number {
  const bits = (mode & 0o4000 ? 2 ** 23 : 0) + (mode & 0o2000 ? 2 ** 22 : 0) + (mode & 0o1000 ? 2 ** 20 : 0);
  return (mode & 0o777) + bits + (GO_TYPES[mode & constants.S_IFMT] ?? 0);
}
