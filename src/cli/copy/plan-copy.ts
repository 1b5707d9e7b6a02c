import { assertsDirectory, baseOf, keepEnding, splitEntry } from './paths.ts';

/** What is copied: one file, or a directory with all that is in it. */
export interface CopySource {
  readonly path: string;
  readonly isDirectory: boolean;
  /** The name that was asked for, where a link led to another one. */
  readonly askedName: string | undefined;
}

/** Where to, as far as it is there. */
export interface CopyTarget {
  readonly path: string;
  readonly kind: 'missing' | 'directory' | 'other';
}

/** Into which directory to unpack, and under which name; `sourceName` is the one that the archive has unless renamed. */
export interface CopyPlan {
  readonly directory: string;
  readonly sourceName: string;
  readonly name: string;
}

/** The rules of `docker cp` about what is there and what is not. Throws docker's reasons. */
export function planCopy(source: CopySource, target: CopyTarget): CopyPlan {
  const sourceName = source.askedName ?? splitEntry(source.path).base;
  if (target.kind === 'directory') return { directory: target.path, sourceName, name: sourceName };
  if (target.kind === 'other' && source.isDirectory) throw new Error('cannot copy directory');
  if (target.kind === 'missing' && !source.isDirectory && assertsDirectory(target.path)) {
    throw new Error('no such directory');
  }
  const { directory, base } = splitEntry(target.path);
  return { directory, sourceName, name: base };
}

/** The path that a link was found to lead to, and the name that was asked for where that differs. */
export function renameAsAsked(asked: string, found: string): Pick<CopySource, 'path' | 'askedName'> {
  const path = keepEnding(found, asked);
  return { path, askedName: baseOf(asked) === baseOf(path) ? undefined : baseOf(asked) };
}
