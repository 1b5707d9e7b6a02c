import { errnoOf } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import { unmount } from '#/linux/mount.ts';
import { findMount } from '#/linux/mount-info.ts';
import { localMountOf } from './local-options.ts';
import { mountLocal } from './mount-local.ts';
import type { Volume } from './volumes.ts';

/**
 * Who holds which volume, and the file systems that hang on it: mounted for the first holder, unmounted after the last.
 * Callers hold the volume's lock.
 */
export class VolumeMounts {
  readonly #holders = new Map<string, Set<ContainerId>>();

  /** A file system that stands already, left by an earlier engine, is taken over. */
  async hold(volume: Volume, holder: ContainerId): Promise<void> {
    const wanted = localMountOf(volume.options);
    if (wanted !== undefined && !isMounted(volume)) await mountLocal(wanted, volume.mountpoint);
    const holders = this.#holders.get(volume.name) ?? new Set();
    this.#holders.set(volume.name, holders.add(holder));
  }

  async letGo(volume: Volume, holder: ContainerId): Promise<void> {
    const holders = this.#holders.get(volume.name);
    holders?.delete(holder);
    if (holders !== undefined && holders.size > 0) return;
    this.#holders.delete(volume.name);
    await takeDown(volume);
  }

  isHeld(name: string): boolean {
    return this.#holders.has(name);
  }

  heldBy(holder: ContainerId): readonly string[] {
    return [...this.#holders].filter(([, holders]) => holders.has(holder)).map(([name]) => name);
  }
}

const isMounted = ({ mountpoint }: Volume): boolean => findMount(mountpoint) !== undefined;

/** Unmounts whatever lies on a volume's directory; what is in use by programs of the host goes when they leave it. */
export async function takeDown(volume: Volume): Promise<void> {
  if (localMountOf(volume.options) === undefined) return;
  for (let isBusy = false; isMounted(volume); ) {
    try {
      await unmount(volume.mountpoint, { detach: isBusy });
    } catch (error) {
      if (isBusy || errnoOf(error) !== 'EBUSY') throw error;
      isBusy = true;
    }
  }
}
