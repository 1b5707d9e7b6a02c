import type { Readable } from 'node:stream';
import { EngineError, errnoOf } from '#/base/errors.ts';
import type { ProgramRunner, RunningProgram } from '#/linux/process.ts';
import type { ProvideImageOptions } from './bootstrap.ts';

const KILL_AFTER_MS = 10_000;
const STDERR_LINES_MAX = 200;

/** The layer's bytes as mmdebstrap writes them. Ends with an error where mmdebstrap does. */
export async function* runMmdebstrap(
  programs: ProgramRunner,
  args: readonly string[],
  directory: string,
  { signal, onProgress }: ProvideImageOptions,
): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted();
  const environment = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const program = await programs.spawn('mmdebstrap', args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...Object.fromEntries(environment), TMPDIR: directory, LC_ALL: 'C.UTF-8' },
    cwd: '/',
    // Its helpers must be told to stop as well.
    detached: true,
  });
  using _stop = stopOnAbort(program, signal);
  let isRead = false;
  try {
    const said = readLines(program.stderr, (line) => onProgress?.(line.replace(/^[A-Z]: /, '')));
    if (program.stdout !== undefined) yield* program.stdout;
    const [{ code }, lines] = await Promise.all([program.exited, said]);
    isRead = true;
    if (code !== 0) throw new EngineError('unavailable', `cannot assemble a Debian image: ${explain(lines)}`);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    // Also where the reader gave up: the directory may be removed only when nothing is mounted in it any more.
    if (!isRead) stop(program);
    await program.exited;
  }
}

/** On SIGTERM mmdebstrap and its helpers undo what they did; what they mounted is in a namespace of their own. */
function stop(program: RunningProgram): void {
  signalGroup(program.pid, 'SIGTERM');
  program.stdout?.destroy();
  const timer = setTimeout(() => signalGroup(program.pid, 'SIGKILL'), KILL_AFTER_MS);
  void program.exited.then(() => clearTimeout(timer));
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (errnoOf(error) !== 'ESRCH') throw error;
  }
}

function stopOnAbort(program: RunningProgram, signal: AbortSignal | undefined): Disposable {
  const onAbort = (): void => stop(program);
  signal?.addEventListener('abort', onAbort, { once: true });
  return { [Symbol.dispose]: () => signal?.removeEventListener('abort', onAbort) };
}

/** All lines of a stream, at most the last two hundred, each told as it comes. */
async function readLines(stream: Readable | undefined, onLine: (line: string) => void): Promise<readonly string[]> {
  const lines: string[] = [];
  let rest = '';
  for await (const chunk of stream?.setEncoding('utf8') ?? []) {
    const parts = (rest + chunk).split(/[\r\n]+/);
    rest = (parts.pop() ?? '').slice(-4096);
    for (const line of parts.filter((part) => part.trim() !== '')) {
      lines.push(line);
      if (lines.length > STDERR_LINES_MAX) lines.shift();
      if (line.startsWith('I: ')) onLine(line);
    }
  }
  return lines;
}

function explain(lines: readonly string[]): string {
  const text = lines.join('\n');
  if (/NO_PUBKEY|not signed|couldn't be verified|Missing key|signing key/i.test(text)) {
    return `the keyring of this machine does not verify the packages (upgrade the package debian-archive-keyring)\n${tailOf(lines)}`;
  }
  return tailOf(lines);
}

const tailOf = (lines: readonly string[]): string =>
  lines
    .filter((line) => !line.startsWith('I: '))
    .slice(-8)
    .join('\n');
