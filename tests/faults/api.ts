import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiAnswer, TestDaemon } from '../support/daemon.ts';
import { makeImageArchive, writeBusyboxArchive } from '../support/image.ts';

/** One request that must be answered with one of the statuses; the answer. */
export async function expectApi(
  daemon: Pick<TestDaemon, 'api'>,
  statuses: number | readonly number[],
  method: string,
  path: string,
  body?: unknown,
): Promise<ApiAnswer> {
  const answer = await daemon.api(method, path, body);
  const isWanted = typeof statuses === 'number' ? answer.status === statuses : statuses.includes(answer.status);
  assert.ok(isWanted, `${method} ${path}: ${answer.status} ${answer.text}`);
  return answer;
}

/** The busybox image that every test here runs, as an archive. */
export function busyboxArchive(): Buffer {
  const path = join(tmpdir(), 'busybox.tar');
  writeBusyboxArchive(path);
  return readFileSync(path);
}

/** An image of one layer of the caller's bytes. */
export const dataArchive = (tag: string, content: Uint8Array): Buffer =>
  makeImageArchive({ layers: [[{ name: 'data', content: Buffer.from(content) }]], tags: [tag] }).archive;

export async function loadImage(daemon: Pick<TestDaemon, 'api'>, archive: Uint8Array): Promise<void> {
  const answer = await expectApi(daemon, 200, 'POST', '/images/load?quiet=1', archive);
  assert.doesNotMatch(answer.text, /error/);
}

export interface NewContainer {
  readonly name: string;
  readonly command: readonly string[];
  /** `none` unless told otherwise. */
  readonly network?: string;
  readonly more?: Readonly<Record<string, unknown>>;
  readonly hostConfig?: Readonly<Record<string, unknown>>;
}

export const createBody = ({ command, network = 'none', more, hostConfig }: NewContainer): object => ({
  Image: 'busybox:test',
  Cmd: command,
  ...more,
  HostConfig: { NetworkMode: network, ...hostConfig },
});

/** Creates and starts a container; its id. */
export async function runContainer(daemon: Pick<TestDaemon, 'api'>, container: NewContainer): Promise<string> {
  const path = `/containers/create?name=${container.name}`;
  const { body } = await expectApi(daemon, 201, 'POST', path, createBody(container));
  await expectApi(daemon, 204, 'POST', `/containers/${container.name}/start`);
  return (body as { Id: string }).Id;
}

export interface InspectedState {
  readonly Status: string;
  readonly Running: boolean;
  readonly Pid: number;
  readonly ExitCode: number;
  readonly OOMKilled: boolean;
  readonly Error: string;
}

export async function inspectState(daemon: Pick<TestDaemon, 'api'>, name: string): Promise<InspectedState> {
  const { body } = await expectApi(daemon, 200, 'GET', `/containers/${name}/json`);
  return (body as { State: InspectedState }).State;
}

/** Removes every container by force, then every image. */
export async function removeEverything(daemon: Pick<TestDaemon, 'api'>): Promise<void> {
  const { body: containers } = await expectApi(daemon, 200, 'GET', '/containers/json?all=1');
  for (const { Id } of containers as { Id: string }[])
    await expectApi(daemon, [204, 404], 'DELETE', `/containers/${Id}?force=1&v=1`);
  const { body: images } = await expectApi(daemon, 200, 'GET', '/images/json');
  for (const { Id } of images as { Id: string }[]) await expectApi(daemon, 200, 'DELETE', `/images/${Id}?force=1`);
}

/** Runs a command in a container; its exit code and what it printed on stdout. */
export async function execIn(
  daemon: Pick<TestDaemon, 'api'>,
  name: string,
  command: readonly string[],
): Promise<{ readonly code: number; readonly stdout: string }> {
  const wanted = { AttachStdout: true, AttachStderr: true, Tty: false, Cmd: command };
  const { body } = await expectApi(daemon, 201, 'POST', `/containers/${name}/exec`, wanted);
  const { Id } = body as { Id: string };
  const { text } = await expectApi(daemon, 200, 'POST', `/exec/${Id}/start`, { Detach: false, Tty: false });
  const { body: ended } = await expectApi(daemon, 200, 'GET', `/exec/${Id}/json`);
  return { code: (ended as { ExitCode: number }).ExitCode, stdout: unframed(text) };
}

/** The payloads of a multiplexed stream of ASCII. */
export function unframed(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  let out = '';
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    out += bytes.toString('utf8', at + 8, at + 8 + length);
    at += 8 + length;
  }
  return out;
}
