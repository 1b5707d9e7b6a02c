import type { Answer, DockerClient } from '#/client/client.ts';
import { DaemonError } from '#/client/daemon-error.ts';
import { inPath } from '../commands/each.ts';
import { followLink } from './paths.ts';
import { type CopySource, type CopyTarget, renameAsAsked } from './plan-copy.ts';

/** What a container has at a path. Source: the Docker Engine API v1.51, header X-Docker-Container-Path-Stat. */
interface PathStat {
  readonly name: string;
  readonly size: number;
  /** Go's os.FileMode. */
  readonly mode: number;
  readonly linkTarget: string;
}

const DIRECTORY = 2 ** 31;
const SYMLINK = 2 ** 27;
const DEVICE = 2 ** 26;
const IRREGULAR = 2 ** 19;

const has = ({ mode }: PathStat, bit: number): boolean => Math.floor(mode / bit) % 2 === 1;

function statIn(headers: Answer['headers']): PathStat {
  const text = headers.get('x-docker-container-path-stat') ?? '';
  try {
    return JSON.parse(Buffer.from(text, 'base64').toString()) as PathStat;
  } catch {
    throw new Error(`unable to decode container path stat header: ${JSON.stringify(text.slice(0, 80))}`);
  }
}

const archive = (container: string): string => `/containers/${inPath(container)}/archive`;

/** Undefined where there is nothing; a daemon that says more will say it again when the path is used. */
async function findStat(client: DockerClient, container: string, path: string): Promise<PathStat | undefined> {
  try {
    return statIn(await client.head(archive(container), { query: { path } }));
  } catch (error) {
    if (error instanceof DaemonError) return undefined;
    throw error;
  }
}

/** The place in a container to copy to, after a link. Throws docker's reason where it is a device. */
export async function findContainerTarget(
  client: DockerClient,
  container: string,
  written: string,
): Promise<CopyTarget> {
  let path = written;
  let stat = await findStat(client, container, path);
  if (stat !== undefined && has(stat, SYMLINK)) {
    path = followLink(path, stat.linkTarget);
    stat = await findStat(client, container, path);
    if (stat === undefined) throw new Error(`Could not find the file ${path} in container ${container}`);
  }
  if (stat === undefined) return { path, kind: 'missing' };
  if (has(stat, DEVICE) || has(stat, IRREGULAR)) {
    const got = has(stat, DEVICE) ? 'a device' : 'an irregular file';
    throw new Error(`destination "${container}:${written}" must be a directory or a regular file: got ${got}`);
  }
  return { path, kind: has(stat, DIRECTORY) ? 'directory' : 'other' };
}

/** A file or directory of a container with its bytes as a tar. */
export interface Fetched {
  readonly source: CopySource;
  readonly body: AsyncIterable<Buffer>;
}

export async function fetchFromContainer(
  client: DockerClient,
  container: string,
  written: string,
  followsLink: boolean,
): Promise<Fetched> {
  const link = followsLink ? await findStat(client, container, written) : undefined;
  const { path, askedName } =
    link !== undefined && has(link, SYMLINK)
      ? renameAsAsked(written, followLink(written, link.linkTarget))
      : { path: written, askedName: undefined };
  const answer = await client.request('GET', archive(container), { query: { path } });
  return { source: { path, askedName, isDirectory: has(statIn(answer.headers), DIRECTORY) }, body: answer.body };
}

/** Unpacks a tar in a directory of a container. */
export async function sendToContainer(
  client: DockerClient,
  container: string,
  directory: string,
  upload: AsyncIterable<Uint8Array>,
  keepsOwners: boolean,
): Promise<void> {
  await client.text('PUT', archive(container), {
    query: { path: directory, noOverwriteDirNonDir: 'true', ...(keepsOwners ? { copyUIDGID: 'true' } : {}) },
    upload,
    headers: { 'Content-Type': 'application/x-tar' },
  });
}
