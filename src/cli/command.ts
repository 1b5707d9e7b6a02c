import type { DockerClient } from '#/client/client.ts';
import type { Flag, Flags } from './args/flag.ts';

/** One command of the command line, as data and one function. */
export interface Command {
  /** What follows `gantry` in the usage line: `ps [OPTIONS]`. */
  readonly usage: string;
  readonly summary: string;
  /** All names, as help lists them: `container ls`, `ps`. */
  readonly aliases?: readonly string[];
  readonly flags: readonly Flag[];
  /** How many operands it takes: at least, at most. */
  readonly operands: readonly [min: number, max: number];
  /** False where options end at the first operand. */
  readonly interspersed?: false;
  /** Whole command lines. */
  readonly examples: readonly string[];
  /** Runs it; the result is the exit status, 0 unless told. */
  readonly run: (context: CommandContext) => Promise<number | undefined>;
}

/** What a command works with. */
export interface CommandContext {
  readonly flags: Flags;
  readonly operands: readonly string[];
  readonly client: DockerClient;
  readonly io: CommandIo;
}

/** The process's own streams; each is opened when first touched. */
export interface CommandIo {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
}

/** Ends the command with this exit status; the message, if any, has been put into words for the user. */
export class ExitError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message = '') {
    super(message);
    this.exitCode = exitCode;
  }
}
