import { mkdir, stat } from 'node:fs/promises';
import { toEngineError } from '#/base/errors.ts';
import type { ContainerConfig } from './config.ts';

/** Makes the missing source directories of `-v` binds, as Docker does. */
export async function createBindSources(config: ContainerConfig): Promise<void> {
  for (const mount of config.mounts) {
    if (mount.kind !== 'bind' || !mount.createSource) continue;
    if ((await stat(mount.source).catch(() => undefined)) !== undefined) continue;
    await mkdir(mount.source, { recursive: true }).catch((error: unknown) => {
      throw toEngineError(error, `error while creating mount source path '${mount.source}'`);
    });
  }
}
