import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_EXPANSION_LIMITS } from '#/archive/compression.ts';
import { DEFAULT_TAR_LIMITS } from '#/archive/tar-entry.ts';
import type { Clock } from '#/base/clock.ts';
import { EngineError } from '#/base/errors.ts';
import { type DiffId, digestOfHex, parseDiffId } from '#/base/ids.ts';
import { KeyedMutex } from '#/base/keyed-mutex.ts';
import type { Logger } from '#/base/log.ts';
import { ContentStore } from '#/content/content.ts';
import { probeErofs } from '#/linux/erofs.ts';
import { releaseFreeMemory } from '#/linux/memory.ts';
import { deleteLayerRow, findLayerRow, listLayerIds } from '#/store/layers.ts';
import { isLeased } from '#/store/leases.ts';
import type { Store } from '#/store/store.ts';
import { ingestLayer } from './ingest.ts';
import type { IngestRequest } from './ingest-job.ts';
import type { LayerStore, LayerUsage } from './layer.ts';
import { hexOfDerivation, LayerFiles } from './layer-files.ts';
import { Lowers } from './lowers.ts';
import { Roots } from './roots.ts';
import { WorkerPool } from './worker-pool.ts';

export type LayerLimits = IngestRequest['limits'];

/** What an ingested layer may cost at most: 1,000,000 entries, 64 GiB, and 200 times its compressed size beyond 1 GiB. */
export const DEFAULT_LAYER_LIMITS: LayerLimits = { ...DEFAULT_TAR_LIMITS, ...DEFAULT_EXPANSION_LIMITS };

export interface OpenLayerStore {
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly store: Store;
  readonly log: Logger;
  readonly clock: Clock;
  /** Without it, EROFS where the kernel can. */
  readonly kind?: 'erofs' | 'unpacked';
  readonly limits?: Partial<LayerLimits>;
  /** Shared with other rooms; without it the layer store opens one of its own. */
  readonly content?: ContentStore;
}

const WORKERS_MAX = 2;
const WORKER_IDLE_MS = 5_000;

/** Opens the layers of a data root: sweeps what a crash left half-made, adopts the mounts that an earlier engine left. */
export async function openLayerStore(options: OpenLayerStore): Promise<LayerStore> {
  const { dataRoot, execRoot, store, log, clock } = options;
  const files = new LayerFiles(dataRoot, execRoot);
  for (const path of [files.derivations, files.roots]) mkdirSync(path, { recursive: true, mode: 0o700 });
  for (const path of [files.lowers, files.merged]) mkdirSync(path, { recursive: true, mode: 0o711 });
  const content = options.content ?? new ContentStore({ dataRoot, store, clock });
  const kind = options.kind ?? probeKind(files, log);
  const limits = { ...DEFAULT_LAYER_LIMITS, ...options.limits };
  const workers = new WorkerPool({
    size: Math.min(WORKERS_MAX, availableParallelism()),
    idleMs: WORKER_IDLE_MS,
    onIdle: releaseFreeMemory,
  });
  sweepDerivations(files, store, content);
  dropIncompleteRows(store, content, log);
  const lowers = new Lowers({ store, content, files, workers, log, form: kind, limits });
  const roots = new Roots({ files, lowers, store, log });
  await roots.sweep();
  await lowers.sweep((diffId) => findLayerRow(store, diffId) !== undefined || roots.isInUse(diffId));
  return assemble({ files, content, kind, limits, workers, lowers, roots, store, clock });
}

interface Parts {
  readonly files: LayerFiles;
  readonly content: ContentStore;
  readonly kind: 'erofs' | 'unpacked';
  readonly limits: LayerLimits;
  readonly workers: WorkerPool;
  readonly lowers: Lowers;
  readonly roots: Roots;
  readonly store: Store;
  readonly clock: Clock;
}

function assemble({ files, content, kind, limits, workers, lowers, roots, store, clock }: Parts): LayerStore {
  const locks = new KeyedMutex<DiffId>();
  const ingest = { store, content, files, workers, clock, form: kind, limits, locks };
  return {
    kind,
    ingest: (source, ingestOptions) => ingestLayer(ingest, source, ingestOptions),
    has: (diffId) => findLayerRow(store, diffId) !== undefined,
    getUsage: (diffId) => usageOf(store, diffId),
    read: (diffId) => readLayer(store, content, diffId),
    remove: (diffId) => locks.run(diffId, () => removeLayer(store, content, lowers, roots, diffId)),
    list: () => listLayerIds(store),
    prepareRoot: (root) => roots.prepare(root),
    mountRoot: (root, layers, mountOptions) => roots.mount(root, layers, mountOptions),
    unmountRoot: (root) => roots.unmount(root),
    removeRoot: (root) => roots.remove(root),
    mountLayers: (layers, target) => roots.mountLayers(layers, target),
    getRootUsage: (root) => roots.usage(root),
    listRoots: async () => roots.list(),
    close: async () => {
      await workers.close();
      await roots.settle();
      await lowers.unmountIf((diffId) => !roots.isInUse(diffId));
    },
  };
}

function usageOf(store: Store, diffId: DiffId): LayerUsage {
  const row = findLayerRow(store, diffId);
  if (row === undefined) throw new EngineError('not-found', `no such layer: ${diffId}`);
  return { tarBytes: row.tar_bytes, indexBytes: row.index_bytes };
}

function readLayer(store: Store, content: ContentStore, diffId: DiffId): AsyncIterable<Uint8Array> {
  usageOf(store, diffId);
  return content.read(diffId);
}

/** The row first: after a crash in the middle, what is left belongs to no row and start-up sweeps it. */
async function removeLayer(
  store: Store,
  content: ContentStore,
  lowers: Lowers,
  roots: Roots,
  diffId: DiffId,
): Promise<void> {
  if (roots.isInUse(diffId)) throw new EngineError('conflict', `remove layer ${diffId}: a mounted root uses it`);
  if (isLeased(store, diffId))
    throw new EngineError('conflict', `remove layer ${diffId}: an operation in progress uses it`);
  if (!deleteLayerRow(store, diffId)) return;
  await content.remove(diffId);
  await lowers.remove(diffId);
}

function probeKind(files: LayerFiles, log: Logger): 'erofs' | 'unpacked' {
  const { available, reason } = probeErofs(files.derivations);
  if (!available) log.warn({ reason }, 'layers will be unpacked: EROFS cannot be mounted here');
  return available ? 'erofs' : 'unpacked';
}

/** Removes temporary files, and indexes without a row together with the tars that they belong to. */
function sweepDerivations(files: LayerFiles, store: Store, content: ContentStore): void {
  for (const name of readdirSync(files.derivations)) {
    const hex = hexOfDerivation(name);
    const diffId = hex === undefined ? undefined : parseDiffId(digestOfHex(hex));
    if (diffId !== undefined && findLayerRow(store, diffId) !== undefined) continue;
    if (diffId !== undefined) rmSync(content.pathOf(diffId), { force: true });
    rmSync(join(files.derivations, name), { recursive: true, force: true });
  }
}

/** A row whose tar somebody has removed promises what is not there; loading the image again can then bring it back. */
function dropIncompleteRows(store: Store, content: ContentStore, log: Logger): void {
  for (const diffId of listLayerIds(store)) {
    if (existsSync(content.pathOf(diffId))) continue;
    log.error({ layer: diffId }, 'the tar of a layer is gone; forgetting the layer');
    deleteLayerRow(store, diffId);
  }
}
