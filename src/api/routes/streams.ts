import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import { EngineError, messageOf } from '#/base/errors.ts';
import type { LogEntry, TaskStdio } from '#/engine/index.ts';
import { parseDetachKeys } from '#/spec/docker-api/detach-keys.ts';
import { sendEmpty, sendJson } from '../answer.ts';
import { parseJsonBody, readJsonBody } from '../body.ts';
import { printLogDetails } from '../container/log-details.ts';
import { type PumpedStdio, pump } from '../pump.ts';
import { boolOf, timeMsOf } from '../query.ts';
import type { HijackCall, HttpCall, Route } from '../router.ts';
import { SessionOutput } from '../session-output.ts';
import { frame, MULTIPLEXED_TYPE, RAW_TYPE } from '../stdcopy.ts';
import { checkBody } from '../validate.ts';
import type { ApiVersion } from '../version.ts';
import { sizeOfTerminal } from './containers.ts';

export const STREAM_ROUTES: readonly Route[] = [
  { kind: 'hijack', method: 'POST', path: '/containers/:id/attach', handle: attach },
  { kind: 'http', method: 'GET', path: '/containers/:id/logs', handle: logs },
  { kind: 'http', method: 'POST', path: '/containers/:id/exec', handle: createExec },
  { kind: 'hijack', method: 'POST', path: '/exec/:id/start', handle: startExec },
  { kind: 'http', method: 'POST', path: '/exec/:id/resize', handle: resizeExec },
  { kind: 'http', method: 'GET', path: '/exec/:id/json', handle: inspectExec },
];

/** The type that says how the stream is cut; before 1.42 it was always called raw. */
const streamType = (tty: boolean, { minor }: ApiVersion): string => (tty || minor < 42 ? RAW_TYPE : MULTIPLEXED_TYPE);

async function attach({ engine, params, query, hijack, signal, version }: HijackCall): Promise<void> {
  const stdin = boolOf(query, 'stdin');
  const detachKeys = query.get('detachKeys') || undefined;
  if (detachKeys !== undefined) parseDetachKeys(detachKeys);
  const attachment = await engine.containers.attach(params.id ?? '', {
    stdin,
    stdout: boolOf(query, 'stdout'),
    stderr: boolOf(query, 'stderr'),
    logs: boolOf(query, 'logs'),
    stream: boolOf(query, 'stream'),
    signal,
  });
  await pump(hijack(streamType(attachment.tty, version)), attachment, {
    stdin: stdin && boolOf(query, 'stream'),
    detachKeys,
  });
}

async function logs({ engine, params, query, response, signal, version }: HttpCall): Promise<void> {
  const [stdout, stderr] = [boolOf(query, 'stdout'), boolOf(query, 'stderr')];
  if (!stdout && !stderr)
    throw new EngineError('invalid-argument', 'Bad parameters: you must choose at least one stream');
  const record = engine.containers.get(params.id ?? '');
  if (record.config.log.driver === 'none') {
    throw new EngineError('not-implemented', 'configured logging driver does not support reading');
  }
  const { tty } = record.config.process;
  const [sinceMs, untilMs] = [timeMsOf(query, 'since'), timeMsOf(query, 'until')];
  const batches = engine.containers.logs(record.id, {
    stdout,
    stderr,
    follow: boolOf(query, 'follow'),
    tailLines: tailOf(query),
    since: sinceMs === undefined || sinceMs === 0 ? undefined : nanoTime(query.get('since') ?? '', sinceMs),
    until: untilMs === undefined || untilMs === 0 ? undefined : nanoTime(query.get('until') ?? '', untilMs),
    signal,
  });
  const print = linePrinter(tty, {
    timestamps: boolOf(query, 'timestamps'),
    details: boolOf(query, 'details') ? printLogDetails(record.config) : '',
  });
  response.writeHead(200, { 'Content-Type': streamType(tty, version) });
  response.flushHeaders();
  for await (const batch of batches) await writeAll(response, Buffer.concat(batch.map(print)));
  response.end();
}

/** A line may come in pieces: what stands before lines stands before the first of them only. */
function linePrinter(
  tty: boolean,
  { timestamps, details }: { readonly timestamps: boolean; readonly details: string },
) {
  const unfinished = { stdout: false, stderr: false };
  return (entry: LogEntry): Uint8Array => {
    const prefix = unfinished[entry.stream] ? '' : `${timestamps ? `${entry.time} ` : ''}${details}`;
    unfinished[entry.stream] = entry.data.at(-1) !== NEWLINE;
    return printEntry(entry, tty, prefix);
  };
}

const NEWLINE = 0x0a;

function printEntry(entry: LogEntry, tty: boolean, prefix: string): Uint8Array {
  const data = prefix === '' ? entry.data : Buffer.concat([Buffer.from(prefix), entry.data]);
  return tty ? data : frame(entry.stream, data);
}

/** Writes and waits until the client has room again, or has gone. */
export async function writeAll(response: ServerResponse, data: Uint8Array | string): Promise<void> {
  if (response.destroyed || response.write(data)) return;
  const waited = new AbortController();
  const { signal } = waited;
  try {
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  } finally {
    // Takes the other one's listeners back.
    waited.abort();
  }
}

function tailOf(query: URLSearchParams): number | undefined {
  const text = query.get('tail') ?? 'all';
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Seconds with up to nine digits of fraction keep them all; logs are compared as text. */
function nanoTime(text: string, epochMs: number): string {
  const fraction = /^-?\d+\.(\d+)$/.exec(text)?.[1];
  const seconds = new Date(Math.floor(epochMs / 1000) * 1000).toISOString().slice(0, 19);
  const digits = fraction ?? String(Math.floor(epochMs % 1000)).padStart(3, '0');
  return `${seconds}.${digits.padEnd(9, '0').slice(0, 9)}Z`;
}

const nullable = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);

const ExecCreateBody = z.object({
  AttachStdin: nullable(z.boolean()),
  AttachStdout: nullable(z.boolean()),
  AttachStderr: nullable(z.boolean()),
  DetachKeys: nullable(z.string()),
  Tty: nullable(z.boolean()),
  Env: nullable(z.array(z.string())),
  Cmd: nullable(z.union([z.array(z.string()), z.string().transform((one) => [one])])),
  Privileged: nullable(z.boolean()),
  User: nullable(z.string()),
  WorkingDir: nullable(z.string()),
  ConsoleSize: nullable(z.tuple([z.int(), z.int()])),
});

async function createExec({ engine, params, request, response }: HttpCall): Promise<void> {
  const body = checkBody(ExecCreateBody, await readJsonBody(request));
  if (body.DetachKeys !== undefined && body.DetachKeys !== '') parseDetachKeys(body.DetachKeys);
  const id = engine.containers.exec.create(params.id ?? '', {
    command: body.Cmd ?? [],
    env: body.Env ?? [],
    workingDir: body.WorkingDir ?? '',
    user: body.User ?? '',
    privileged: body.Privileged ?? false,
    tty: body.Tty ?? false,
    attach: {
      stdin: body.AttachStdin ?? false,
      stdout: body.AttachStdout ?? false,
      stderr: body.AttachStderr ?? false,
    },
    detachKeys: body.DetachKeys,
    consoleSize: body.ConsoleSize,
  });
  sendJson(response, 201, { Id: id });
}

const ExecStartBody = z.object({
  Detach: nullable(z.boolean()),
  Tty: nullable(z.boolean()),
  ConsoleSize: nullable(z.tuple([z.int(), z.int()])),
});

async function startExec({ engine, params, body, hijack, version, log }: HijackCall): Promise<void> {
  const { Detach: detach = false } = checkBody(ExecStartBody, body.length === 0 ? {} : parseJsonBody(body));
  const exec = engine.containers.exec.get(params.id ?? '');
  if (detach) {
    await engine.containers.exec.start(exec.id, true);
    hijack(RAW_TYPE).end();
    return;
  }
  if (exec.state.status !== 'created') await engine.containers.exec.start(exec.id, false);
  const { tty, attach: attached } = exec.spec;
  const socket = hijack(streamType(tty, version));
  let stdio: TaskStdio | undefined;
  try {
    stdio = await engine.containers.exec.start(exec.id, false);
  } catch (error) {
    // The stream has begun: Docker's clients print what comes and take the exit code from the inspect that follows.
    log.debug({ err: error, exec: exec.id }, 'exec did not start');
    const text = Buffer.from(`${messageOf(error)}\r\n`);
    socket.end(tty ? text : frame('stdout', text));
    return;
  }
  if (stdio === undefined) return void socket.end();
  await pump(socket, sessionStdio(stdio, tty, attached), { stdin: attached.stdin, detachKeys: exec.spec.detachKeys });
}

function sessionStdio(
  stdio: TaskStdio,
  tty: boolean,
  wanted: { readonly stdout: boolean; readonly stderr: boolean },
): PumpedStdio {
  return {
    tty,
    output: new SessionOutput(stdio, { stdout: wanted.stdout, stderr: tty ? wanted.stdout : wanted.stderr }),
    write: (data) => stdio.write(data),
    endInput: () => stdio.endInput(),
    close: () => stdio.close(),
    detach: () => stdio.close(),
  };
}

async function resizeExec({ engine, params, query, response }: HttpCall): Promise<void> {
  await engine.containers.exec.resize(params.id ?? '', sizeOfTerminal(query));
  sendEmpty(response, 200);
}

function inspectExec({ engine, params, response }: HttpCall): void {
  const exec = engine.containers.exec.get(params.id ?? '');
  const { spec, state } = exec;
  const [entrypoint = '', ...args] = spec.command;
  sendJson(response, 200, {
    ID: exec.id,
    Running: state.status === 'running',
    ExitCode: state.status === 'ended' ? state.code : null,
    ProcessConfig: {
      tty: spec.tty,
      entrypoint,
      arguments: args,
      privileged: spec.privileged,
      ...(spec.user === '' ? {} : { user: spec.user }),
    },
    OpenStdin: spec.attach.stdin,
    OpenStderr: spec.attach.stderr,
    OpenStdout: spec.attach.stdout,
    CanRemove: state.status === 'ended',
    ContainerID: exec.containerId,
    DetachKeys: '',
    Pid: 'pid' in state ? state.pid : 0,
  });
}
