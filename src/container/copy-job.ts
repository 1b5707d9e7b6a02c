import { EngineError, type ErrorKind, toEngineError } from '#/base/errors.ts';

/** What a thread is asked to do with one path of a container's tree; see `copy-worker.ts`. */
export type CopyJob = CopyTree & {
  /** As asked for; absolute or not, inside the container. */
  readonly path: string;
  /** As asked for, for messages. */
  readonly container: string;
  readonly work: CopyWork;
};

export type CopyWork =
  | { readonly kind: 'stat' }
  /** Writes a tar to `outputFd`, which it closes. */
  | { readonly kind: 'pack'; readonly outputFd: number }
  /** Reads a tar from `inputFd`, which it closes. */
  | { readonly kind: 'extract'; readonly inputFd: number; readonly options: ExtractOptions };

/** A container's files as the container sees them. */
export interface CopyTree {
  /** Names a directory by a descriptor of this process. */
  readonly root: string;
  /** The tree is that of a running container, with all its mounts. */
  readonly runs: boolean;
  readonly readOnlyRoot: boolean;
  /** Where the container has mounts, outer ones first. */
  readonly mounts: readonly TreeMount[];
}

export interface TreeMount {
  readonly target: string;
  /** Host path to be shown there; undefined where it is mounted already, or cannot be seen before a start. */
  readonly source: string | undefined;
  readonly readOnly: boolean;
}

export interface ExtractOptions {
  /** Throw rather than put a file in the place of a directory or a directory in that of a file. */
  readonly noOverwriteDirNonDir: boolean;
  /** Who everything is given to; undefined means whom the tar names. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

/** What `docker cp` wants to know of a path. */
export interface PathStat {
  readonly name: string;
  readonly sizeBytes: number;
  /** As st_mode of stat(2). */
  readonly mode: number;
  readonly mtimeNs: bigint;
  /** Where a symbolic link leads, followed to its end; '' for anything else. */
  readonly linkTarget: string;
}

/** From the thread; 'done' or 'failed' is the last. */
export type CopyMessage =
  | { readonly type: 'stat'; readonly stat: PathStat }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly kind: ErrorKind; readonly message: string; readonly errno: string | undefined };

export function failedMessage(error: unknown, path: string): CopyMessage {
  const { kind, message, errno } = toEngineError(error, `copy ${path}`);
  return { type: 'failed', kind, message, errno };
}

export const errorOfFailed = ({ kind, message, errno }: Extract<CopyMessage, { type: 'failed' }>): EngineError =>
  new EngineError(kind, message, errno === undefined ? {} : { errno });
