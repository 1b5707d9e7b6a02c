import type { Clock } from '#/base/clock.ts';
import type { ImageId } from '#/base/ids.ts';
import type { Logger } from '#/base/log.ts';
import type { EventBus } from '#/events/events.ts';
import type { LayerStore } from '#/layer/layer.ts';
import type { Store } from '#/store/store.ts';
import type { LayerGate } from './layer-gate.ts';
import { findImageById } from './record.ts';

/** Everything that the verbs of this room (`load.ts`, `remove.ts`, …) work with. */
export interface ImageRoom {
  readonly store: Store;
  readonly layers: LayerStore;
  readonly events: EventBus;
  readonly log: Logger;
  readonly clock: Clock;
  readonly gate: LayerGate;
}

export type ImageAction = 'load' | 'tag' | 'untag' | 'delete' | 'save' | 'import';

/** Publishes what happened to an image, with the labels that it has (or had). */
export function publishImageEvent(
  room: ImageRoom,
  action: ImageAction,
  id: ImageId,
  name: string,
  labels: Readonly<Record<string, string>> = findImageById(room.store, id)?.config.config?.Labels ?? {},
): void {
  room.events.publish({ type: 'image', action, id, attributes: { ...labels, name } });
}
