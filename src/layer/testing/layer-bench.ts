import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#/base/clock.ts';
import type { ErrorKind } from '#/base/errors.ts';
import { isEngineError } from '#/base/errors.ts';
import type { DiffId } from '#/base/ids.ts';
import { silentLogger } from '#/base/log.ts';
import { openStore, type Store } from '#/store/store.ts';
import { makeTar, type TarEntry as TestTarEntry } from '../../../tests/support/tar.ts';
import type { IngestedLayer, IngestOptions, LayerStore } from '../layer.ts';
import { type LayerLimits, openLayerStore } from '../open.ts';
import { listTree, type TreeLine } from './list-tree.ts';

/** One layer store with a directory to make things in. */
export class LayerBench {
  readonly kind: LayerStore['kind'];
  readonly directory = mkdtempSync(join(tmpdir(), 'layers-'));
  #store: Store | undefined;
  #layers: LayerStore | undefined;
  #roots = 0;

  constructor(kind: LayerStore['kind']) {
    this.kind = kind;
  }

  get layers(): LayerStore {
    assert.ok(this.#layers);
    return this.#layers;
  }

  async open(limits: Partial<LayerLimits> = {}): Promise<void> {
    const { directory, kind } = this;
    this.#store = openStore(join(directory, 'db'));
    const roots = { dataRoot: join(directory, 'd'), execRoot: join(directory, 'e') };
    this.#layers = await openLayerStore({
      ...roots,
      kind,
      store: this.#store,
      log: silentLogger,
      clock: systemClock,
      limits,
    });
  }

  async reopen(limits: Partial<LayerLimits> = {}): Promise<void> {
    await this.layers.close();
    this.#store?.[Symbol.dispose]();
    await this.open(limits);
  }

  async close(): Promise<void> {
    await this.layers.close();
    this.#store?.[Symbol.dispose]();
    assert.equal(
      execFileSync('findmnt', ['-rn', '-o', 'TARGET'], { encoding: 'utf8' }).includes(this.directory),
      false,
    );
    rmSync(this.directory, { recursive: true });
  }

  ingest(bytes: Uint8Array, options: IngestOptions = {}): Promise<IngestedLayer> {
    return this.layers.ingest(pieces(bytes), options);
  }

  async ingestTar(entries: readonly TestTarEntry[]): Promise<DiffId> {
    return (await this.ingest(makeTar(entries))).diffId;
  }

  /** Mounts the layers, hands the path over, and unmounts again. */
  async mounted<T>(layers: readonly DiffId[], body: (path: string) => T | Promise<T>): Promise<T> {
    const root = `r${++this.#roots}`;
    await this.layers.prepareRoot(root);
    try {
      const { path } = await this.layers.mountRoot(root, layers, {});
      return await body(path);
    } finally {
      await this.layers.removeRoot(root);
    }
  }

  show(layers: readonly DiffId[]): Promise<readonly TreeLine[]> {
    return this.mounted(layers, listTree);
  }

  /** What GNU tar makes of the files, extracted one over the other. */
  extract(paths: readonly string[], flags: readonly string[] = []): readonly TreeLine[] {
    const target = mkdtempSync(join(this.directory, 'x-'));
    for (const path of paths) {
      execFileSync('tar', ['--numeric-owner', '--xattrs', '--xattrs-include=*', ...flags, '-xpf', path, '-C', target]);
    }
    const lines = listTree(target);
    rmSync(target, { recursive: true });
    return lines;
  }

  /** All that layers are made of: to see that a failure left nothing. */
  files(): readonly string[] {
    const directories = ['d/content/ingest', 'd/content/blobs/sha256', 'd/layers'];
    return directories.flatMap((path) => readdirSync(join(this.directory, path))).sort();
  }

  async assertRefused(kind: ErrorKind, message: RegExp, ingest: () => Promise<unknown>): Promise<void> {
    const files = this.files();
    await assert.rejects(ingest, (error) => {
      assert.ok(isEngineError(error, kind), String(error));
      assert.match(error.message, message);
      return true;
    });
    assert.deepEqual(this.files(), files);
  }
}

async function* pieces(bytes: Uint8Array, sizeBytes = 10_007): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += sizeBytes) yield bytes.subarray(at, at + sizeBytes);
}

export const hashOf = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');
/** The mounted root's own directory belongs to the writable side. */
export const withoutRoot = (lines: readonly TreeLine[]): readonly TreeLine[] =>
  lines.filter(({ path }) => path !== '.');
