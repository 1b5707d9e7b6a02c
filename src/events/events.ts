import type { Clock } from '#/base/clock.ts';
import { EngineError } from '#/base/errors.ts';

/** One thing that happened, with Docker's words for type and action, since those are the field's. */
export interface EngineEvent {
  readonly type: 'container' | 'image' | 'volume' | 'network' | 'daemon';
  readonly action: string;
  /** Id of the thing (for an image: its reference or id). */
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly timeMs: number;
}

export interface EventFilter {
  readonly sinceMs?: number;
  readonly signal: AbortSignal;
}

const KEPT_EVENTS_MAX = 256;
const SUBSCRIBER_QUEUE_MAX = 16_384;

interface Subscriber {
  readonly queue: EngineEvent[];
  wake: () => void;
  overflowed: boolean;
}

/** The engine's event bus: keeps the last 256, and gives every subscriber its own bounded queue. */
export class EventBus {
  readonly #clock: Clock;
  readonly #kept: EngineEvent[] = [];
  readonly #subscribers = new Set<Subscriber>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get subscriberCount(): number {
    return this.#subscribers.size;
  }

  publish(event: Omit<EngineEvent, 'timeMs'>): void {
    const stamped = { ...event, timeMs: this.#clock.now() };
    this.#kept.push(stamped);
    if (this.#kept.length > KEPT_EVENTS_MAX) this.#kept.shift();
    for (const subscriber of this.#subscribers) {
      if (subscriber.queue.length < SUBSCRIBER_QUEUE_MAX) subscriber.queue.push(stamped);
      else subscriber.overflowed = true;
      subscriber.wake();
    }
  }

  /**
   * Kept events from `sinceMs` on (none without it), then live ones until the signal aborts. Subscribed from the moment of
   * the call, not of the first read. A subscriber that falls 16,384 behind gets resource-exhausted rather than a silent gap.
   */
  subscribe({ sinceMs, signal }: EventFilter): AsyncIterableIterator<EngineEvent> {
    const past = sinceMs === undefined ? [] : this.#kept.filter((event) => event.timeMs >= sinceMs);
    const subscriber: Subscriber = { queue: past, wake: () => {}, overflowed: false };
    this.#subscribers.add(subscriber);
    // A subscriber that is never read is dropped here too, not only where its reading ends.
    const leave = (): void => {
      this.#subscribers.delete(subscriber);
      subscriber.wake();
    };
    signal.addEventListener('abort', leave, { once: true });
    return this.#drain(subscriber, signal);
  }

  async *#drain(subscriber: Subscriber, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    try {
      while (!signal.aborted) {
        for (let event = subscriber.queue.shift(); event !== undefined; event = subscriber.queue.shift()) yield event;
        if (subscriber.overflowed) {
          throw new EngineError(
            'resource-exhausted',
            `event subscriber fell more than ${SUBSCRIBER_QUEUE_MAX} events behind`,
          );
        }
        if (signal.aborted) return;
        await new Promise<void>((resolve) => {
          subscriber.wake = resolve;
        });
      }
    } finally {
      this.#subscribers.delete(subscriber);
    }
  }
}
