import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import { type OwnedFd, ownFd } from '#/linux/ffi.ts';
import { openPath, pathOfOpen } from '#/linux/place.ts';
import { openRootOfProcess } from '#/linux/process-root.ts';
import type { CopyTree, TreeMount } from './copy-job.ts';
import type { CopyThread } from './copy-threads.ts';
import { containerPaths } from './paths.ts';
import { type ContainerRecord, findById, getById, getContainer } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { isAlive } from './state.ts';
import { mountSource, mountVolumes, unmountVolumes } from './volume-mounts.ts';

/** A container's files, held so that they can be read and written while it lives on. Disposing ends what uses them. */
export interface CopyView extends AsyncDisposable {
  readonly record: ContainerRecord;
  readonly tree: CopyTree;
  /** Says which thread works on them, at most one, and how it is made to end. */
  usedBy(thread: CopyThread, stop: () => void): void;
}

const EXIT_RECORDED_ATTEMPTS = 40;
const EXIT_RECORDED_DELAY_MS = 50;

/** The files of a container in any state, as it sees them: with its volumes, binds and, while it runs, its tmpfs. */
export async function openCopyView(room: ContainerRoom, reference: string): Promise<CopyView> {
  const { id } = getContainer(room, reference);
  for (let attempt = 1; attempt <= EXIT_RECORDED_ATTEMPTS; attempt++) {
    const view = await room.locks.run(id, () => tryOpen(room, id));
    if (view !== undefined) return view;
    await sleep(EXIT_RECORDED_DELAY_MS);
  }
  throw new EngineError('unavailable', `container ${id} has ended, and its end could not be recorded so far`);
}

/** Undefined where the process has ended and nobody has recorded it yet. */
async function tryOpen(room: ContainerRoom, id: ContainerId): Promise<CopyView | undefined> {
  const record = getById(room, id);
  if (record.state.status === 'removing' || record.state.status === 'dead') {
    throw new EngineError('conflict', `can not get files of container ${id}: it is marked for removal`);
  }
  return isAlive(record.state) ? await openRunning(room, record, record.state.pid) : await openAtRest(room, record);
}

async function openRunning(room: ContainerRoom, record: ContainerRecord, pid: number): Promise<CopyView | undefined> {
  const root = openRootOfProcess(pid);
  if (root === undefined) return undefined;
  // If the container's process is there now it was there then, and the root is not that of another with its pid.
  const task = await room.runtime.observe(record.id);
  if (task === undefined || task.status === 'stopped' || task.pid !== pid) {
    root[Symbol.dispose]();
    return undefined;
  }
  const mounts = record.config.mounts.map((mount) => ({ ...accessOf(mount), source: undefined }));
  return viewOf(room, record, root, { runs: true, mounts }, async () => {});
}

async function openAtRest(room: ContainerRoom, record: ContainerRecord): Promise<CopyView> {
  const { id, config } = record;
  try {
    const { path } = await room.layers.mountRoot(id, config.image.layers, { ephemeral: config.autoRemove });
    await mountVolumes(room, record);
    const mounts = mountsAtRest(room, record);
    const root = ownFd(openPath(path, { follow: false }));
    return viewOf(room, record, root, { runs: false, mounts }, () => letGo(room, id));
  } catch (error) {
    if (!room.live.copies.has(id)) await unmountAtRest(room, id);
    throw error;
  }
}

/** Callers hold the container's lock, so that no start or removal overlooks the view. */
function viewOf(
  room: ContainerRoom,
  record: ContainerRecord,
  root: OwnedFd,
  tree: Pick<CopyTree, 'runs' | 'mounts'>,
  close: () => Promise<void>,
): CopyView {
  const user = Promise.withResolvers<(() => Promise<void>) | undefined>();
  const end = async (): Promise<void> => {
    const stop = await user.promise;
    await stop?.();
    // Only now: the thread knows the root by this number.
    root[Symbol.dispose]();
  };
  const forget = room.live.copies.add(record.id, { end }, tree.runs);
  return {
    record,
    tree: { ...tree, root: pathOfOpen(root.fd), readOnlyRoot: record.config.readOnlyRoot },
    usedBy(thread, stop) {
      user.resolve(async () => {
        stop();
        await thread.done.catch(() => {});
      });
    },
    async [Symbol.asyncDispose]() {
      user.resolve(undefined);
      await end();
      forget();
      await close();
    },
  };
}

/** Unmounts again, unless the container has been started meanwhile, or somebody else copies. */
async function letGo(room: ContainerRoom, id: ContainerId): Promise<void> {
  await room.locks.run(id, async () => {
    const record = findById(room, id);
    if (record === undefined || isAlive(record.state) || room.live.copies.has(id)) return;
    await unmountAtRest(room, id);
  });
}

async function unmountAtRest(room: ContainerRoom, id: ContainerId): Promise<void> {
  await unmountVolumes(room, id);
  await room.layers.unmountRoot(id);
}

function mountsAtRest(room: ContainerRoom, record: ContainerRecord): readonly TreeMount[] {
  const { config } = record;
  const own = config.mounts.map((mount): TreeMount => {
    if (mount.kind === 'tmpfs') return { ...accessOf(mount), source: undefined };
    return { ...accessOf(mount), source: mount.kind === 'bind' ? mount.source : mountSource(room, record, mount) };
  });
  const paths = containerPaths(room, record.id);
  const files = [
    ['/etc/resolv.conf', paths.resolvConf],
    ['/etc/hostname', paths.hostname],
    ['/etc/hosts', paths.hosts],
  ] as const;
  const etc = files
    .filter(([target]) => own.every((mount) => mount.target !== target))
    .map(([target, source]) => ({ target, source, readOnly: config.readOnlyRoot }));
  return [...own, ...etc].sort((a, b) => depthOf(a.target) - depthOf(b.target));
}

const depthOf = (path: string): number => path.split('/').filter(Boolean).length;

function accessOf(mount: ContainerRecord['config']['mounts'][number]): { target: string; readOnly: boolean } {
  const readOnly = mount.kind === 'image' || (mount.kind === 'tmpfs' ? mount.options.includes('ro') : mount.readOnly);
  return { target: mount.target, readOnly };
}
