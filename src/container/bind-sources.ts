import { mkdir, stat } from 'node:fs/promises';
import { EngineError, toEngineError } from '#/base/errors.ts';
import { readMountInfo } from '#/linux/mount-info.ts';
import type { ContainerConfig, MountSpec } from './config.ts';

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

/** Throws, with Docker's text, for a bind that is to share mounts with a source that lies on a mount which shares none. */
export function checkPropagation({ mounts }: ContainerConfig): void {
  for (const mount of mounts) if (mount.kind === 'bind') checkOne(mount);
}

function checkOne({ source, propagation }: Extract<MountSpec, { kind: 'bind' }>): void {
  const wantsShared = propagation.endsWith('shared');
  if (!wantsShared && !propagation.endsWith('slave')) return;
  const { target, tags } = mountBelow(source);
  if (tags.some((tag) => tag.startsWith('shared:') || (!wantsShared && tag.startsWith('master:')))) return;
  const expected = wantsShared ? 'shared mount' : 'shared or slave mount';
  throw new EngineError('invalid-argument', `path ${source} is mounted on ${target} but it is not a ${expected}`);
}

/** The mount that a path lies on; of several at one place the topmost. */
function mountBelow(path: string): { readonly target: string; readonly tags: readonly string[] } {
  const on = readMountInfo().filter(({ target }) => target === '/' || path === target || path.startsWith(`${target}/`));
  const longest = Math.max(0, ...on.map(({ target }) => target.length));
  const found = on.findLast(({ target }) => target.length === longest);
  return { target: found?.target ?? '/', tags: found?.propagation ?? [] };
}
