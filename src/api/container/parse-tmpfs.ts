import { EngineError } from '#/base/errors.ts';
import type { MountSpec } from '#/engine/index.ts';

const SIZE = /^(\d+)([kmgt]?)(i?b?)$/i;
const SIZE_FACTOR: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };
const TMPFS_WORDS =
  /^(rw|ro|suid|nosuid|dev|nodev|exec|noexec|sync|async|dirsync|remount|mand|nomand|atime|noatime|diratime|nodiratime|bind|rbind|unbindable|runbindable|private|rprivate|shared|rshared|slave|rslave|relatime|norelatime|strictatime|nostrictatime|mode=\d+|uid=\d+|gid=\d+|nr_inodes=\w+|nr_blocks=\w+|mpol=.+)$/;

/** `--tmpfs TARGET:OPTIONS`. Throws with Docker's texts. */
export function parseTmpfs(target: string, written: string): MountSpec {
  let sizeBytes: number | undefined;
  let mode: number | undefined;
  const options: string[] = [];
  for (const word of written === '' ? [] : written.split(',')) {
    const size = word.startsWith('size=') ? SIZE.exec(word.slice(5)) : null;
    if (size !== null) sizeBytes = Number(size[1]) * (SIZE_FACTOR[(size[2] ?? '').toLowerCase()] ?? 1);
    else if (/^mode=[0-7]+$/.test(word)) mode = Number.parseInt(word.slice(5), 8);
    else if (TMPFS_WORDS.test(word) || /^size=\d+%$/.test(word)) options.push(word);
    else
      throw new EngineError(
        'invalid-argument',
        `invalid tmpfs option [${word
          .split('=')
          .map((part) => JSON.stringify(part))
          .join(' ')}]`,
      );
  }
  return { kind: 'tmpfs', target, sizeBytes, mode, options, writtenOptions: written };
}
