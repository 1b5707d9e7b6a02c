import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';

export interface CommandResult {
  /** Exit code, or 128 + n after signal n as a shell would say it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  /** After this the command is killed and an error says what it had printed; default 60,000. */
  readonly timeoutMs?: number;
}

/** Runs a command to its end, whatever its exit code. */
export async function runCommand(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const timeoutMs = options.timeoutMs ?? 60_000;
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  try {
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input);
    const [out, err, code] = await Promise.all([
      buffer(outputOf(child.stdout)),
      buffer(outputOf(child.stderr)),
      exitOf(child),
    ]);
    const result = { code, stdout: out.toString('utf8'), stderr: err.toString('utf8') };
    if (isLate)
      throw new Error(`${argv.join(' ')} took longer than ${timeoutMs} ms\n${result.stdout}\n${result.stderr}`);
    return result;
  } finally {
    clearTimeout(timer);
  }
}

function outputOf(stream: NodeJS.ReadableStream | null): NodeJS.ReadableStream {
  if (stream === null) throw new Error('a child without pipes');
  return stream;
}

const SIGNAL_NUMBERS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGPIPE: 13, SIGTERM: 15 };

/** The child's exit code once it has ended; 128 + n if signal n ended it. */
export async function exitOf(child: ChildProcess): Promise<number> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode ?? 128 + (SIGNAL_NUMBERS[child.signalCode ?? ''] ?? 0);
}
