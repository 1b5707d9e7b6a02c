import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { exitOf } from './command.ts';
import { type Client, type ClientName, makeClient } from './docker.ts';

const LAUNCHER = fileURLToPath(new URL('../../gantry', import.meta.url));
const START_TIMEOUT_MS = 20_000;
const STOP_TIMEOUT_MS = 20_000;

export interface DaemonOptions {
  readonly dataRoot?: string;
  readonly execRoot?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  /** The body as JSON, undefined where it is not. */
  readonly body: unknown;
}

export interface TestDaemon {
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly socketPath: string;
  readonly host: string;
  readonly pid: number;
  client(name: ClientName): Client;
  /** One request to the API; an object as body is sent as JSON. */
  api(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<ApiAnswer>;
  /** What the daemon has written so far. */
  log(): string;
  /** kill -9, and gone when resolved. Containers run on. */
  kill9(): Promise<void>;
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number>;
  /** A new daemon on the same roots; this one must have ended. */
  again(): Promise<TestDaemon>;
}

/**
 * Starts the real `./gantry daemon` with roots of its own below TMPDIR and waits until it answers. Call it inside a
 * throwaway host. When the test fails, the end of the daemon's log is printed; when it ends, the daemon is stopped.
 */
export async function startDaemon(context: TestContext | undefined, options: DaemonOptions = {}): Promise<TestDaemon> {
  const base = mkdtempSync(join(tmpdir(), 'd-'));
  const dataRoot = options.dataRoot ?? join(base, 'data');
  const execRoot = options.execRoot ?? join(base, 'run');
  const socketPath = join(execRoot, 'gantry.sock');
  const logPath = join(base, 'daemon.log');
  mkdirSync(execRoot, { recursive: true });
  const child = spawnDaemon({ ...options, dataRoot, execRoot }, socketPath, logPath);
  const log = () => readFileSync(logPath, 'utf8');
  context?.after(async () => {
    if (context.passed === false) context.diagnostic(`daemon log:\n${log().slice(-8000)}`);
    await stop(child);
  });
  await waitForPing(socketPath, child, log);
  return {
    dataRoot,
    execRoot,
    socketPath,
    host: `unix://${socketPath}`,
    pid: readPid(execRoot) ?? child.pid ?? 0,
    client: (name) => makeClient(name, `unix://${socketPath}`),
    api: (method, path, body, headers) => callApi(socketPath, method, path, body, headers),
    log,
    kill9: async () => {
      process.kill(readPid(execRoot) ?? child.pid ?? 0, 'SIGKILL');
      await exitOf(child);
    },
    stop: () => stop(child),
    again: () => startDaemon(context, { ...options, dataRoot, execRoot }),
  };
}

function spawnDaemon(
  options: Required<Pick<DaemonOptions, 'dataRoot' | 'execRoot'>> & DaemonOptions,
  socketPath: string,
  logPath: string,
) {
  const output = openSync(logPath, 'a');
  const { dataRoot, execRoot } = options;
  const roots = ['--data-root', dataRoot, '--exec-root', execRoot, '--pidfile', join(execRoot, 'gantry.pid')];
  const args = ['daemon', '-H', `unix://${socketPath}`, ...roots, '--log-level', 'debug', ...(options.args ?? [])];
  const child = spawn(LAUNCHER, args, { stdio: ['ignore', output, output], env: { ...process.env, ...options.env } });
  child.on('error', () => {});
  closeSync(output);
  return child;
}

async function waitForPing(socketPath: string, child: ChildProcess, log: () => string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the daemon ended at start:\n${log()}`);
    if (existsSync(socketPath)) {
      const status = await callApi(socketPath, 'GET', '/_ping').then(
        (answer) => answer.status,
        () => 0,
      );
      if (status === 200) return;
    }
    if (Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`the daemon does not answer after ${START_TIMEOUT_MS} ms:\n${log()}`);
    }
    await sleep(20);
  }
}

function readPid(execRoot: string): number | undefined {
  const path = join(execRoot, 'gantry.pid');
  return existsSync(path) ? Number.parseInt(readFileSync(path, 'utf8'), 10) || undefined : undefined;
}

async function stop(child: ChildProcess): Promise<number> {
  if (child.exitCode !== null || child.signalCode !== null) return exitOf(child);
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
  child.kill('SIGTERM');
  const code = await exitOf(child);
  clearTimeout(timer);
  return code;
}

/** One HTTP request over a unix socket. */
export function callApi(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<ApiAnswer> {
  const isRaw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
  const payload = isRaw ? body : JSON.stringify(body);
  const json = isRaw ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { socketPath, method, path, headers: { host: 'localhost', ...json, ...headers } },
      (answer) => {
        buffer(answer).then((bytes) => {
          const text = bytes.toString('utf8');
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, body: parseJson(text) });
        }, reject);
      },
    );
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
