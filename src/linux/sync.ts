import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toEngineError } from '#/base/errors.ts';

/** Returns when the directory's entries (files made, renamed or removed in it) are on disk. */
export async function fsyncDirectory(path: string): Promise<void> {
  try {
    await using directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    await directory.sync();
  } catch (error) {
    throw toEngineError(error, `sync directory ${path}`);
  }
}

/**
 * Replaces or makes a file: after a crash there is the old one or the whole new one. `mode` is exact, whatever the umask.
 * Temporary names in the same directory end in `.tmp`; one that a crash left is garbage.
 */
export async function writeFileDurably(path: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    {
      await using file = await open(temporary, 'wx', mode);
      await file.chmod(mode);
      await file.writeFile(data);
      await file.sync();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw toEngineError(error, `write ${path}`);
  }
  await fsyncDirectory(dirname(path));
}
