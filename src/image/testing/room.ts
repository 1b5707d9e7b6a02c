import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { DiffId } from '#/base/ids.ts';
import { silentLogger } from '#/base/log.ts';
import { EventBus } from '#/events/events.ts';
import { openStore, type Store } from '#/store/store.ts';
import { type Images, openImages } from '../images.ts';
import { type TestMember, tarOf } from './archives.ts';
import { MemoryLayers, piecesOf } from './memory-layers.ts';

export interface TestImages {
  readonly images: Images;
  readonly layers: MemoryLayers;
  readonly store: Store;
  /** `action name` of all events so far. */
  readonly seen: string[];
  readonly layersInUse: Set<DiffId>;
  load(members: readonly TestMember[]): ReturnType<Images['load']>;
}

/** An image room over a fresh database and layers in memory, gone after the test. */
export function openTestImages(t: TestContext): TestImages {
  const dir = mkdtempSync(join(tmpdir(), 'gantry-images-'));
  const store = openStore(join(dir, 'test.db'));
  t.after(() => {
    store[Symbol.dispose]();
    rmSync(dir, { recursive: true });
  });
  let nowMs = 1_000;
  const clock = { now: () => nowMs++ };
  const seen: string[] = [];
  const events = new EventBus(clock);
  const publish = events.publish.bind(events);
  events.publish = (event) => {
    seen.push(`${event.action} ${event.attributes.name}`);
    publish(event);
  };
  const layers = new MemoryLayers();
  const layersInUse = new Set<DiffId>();
  const images = openImages({ store, layers, events, log: silentLogger, clock, layersInUse: () => layersInUse });
  return { images, layers, store, seen, layersInUse, load: (members) => images.load(piecesOf(tarOf(members))) };
}
