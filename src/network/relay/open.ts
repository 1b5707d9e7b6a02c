import { closeSync } from 'node:fs';
import { isIP } from 'node:net';
import { Worker } from 'node:worker_threads';
import { EngineError, messageOf } from '#/base/errors.ts';
import type { Logger } from '#/base/log.ts';
import { engineErrorOf } from '#/base/plain-error.ts';
import {
  RELAY_LIMITS,
  type RelayHandle,
  type RelayLimits,
  type RelayListener,
  type Relays,
  type RelayTarget,
} from './relay.ts';
import type { RelayAnswer, RelayFault, RelayRequest, RelayWorkerData } from './relay-protocol.ts';

export interface RelaysOptions {
  readonly log: Logger;
  readonly limits?: Partial<RelayLimits>;
}

/** The thread starts with the first relay and ends with the last one's. */
export function openRelays({ log, limits }: RelaysOptions): Relays {
  return new RelayThread(log, { ...RELAY_LIMITS, ...limits });
}

interface Pending {
  readonly resolve: (answer: RelayAnswer) => void;
  readonly reject: (error: EngineError) => void;
}

class RelayThread implements Relays {
  readonly #log: Logger;
  readonly #limits: RelayLimits;
  readonly #pending = new Map<number, Pending>();
  /** How to close each relay that is open or on its way. */
  readonly #open = new Map<number, () => Promise<void>>();
  #worker: Worker | undefined;
  #nextId = 1;

  constructor(log: Logger, limits: RelayLimits) {
    this.#log = log;
    this.#limits = limits;
  }

  async listen(listener: RelayListener, target: RelayTarget): Promise<RelayHandle> {
    try {
      checkTarget(target);
    } catch (error) {
      if (listener.kind !== 'unix' && listener.reservedFd !== undefined) closeSync(listener.reservedFd);
      throw error;
    }
    const id = this.#nextId++;
    const listening = this.#ask({ type: 'listen', id, listener, target });
    let closed: Promise<void> | undefined;
    const close = (): Promise<void> => {
      // Not before the thread has answered: it closes only what listens.
      closed ??= listening.then(() => this.#close(id));
      return closed;
    };
    this.#open.set(id, close);
    try {
      const answer = await listening;
      return { hostPort: answer.type === 'listening' ? answer.hostPort : 0, close };
    } catch (error) {
      await this.#leave(id);
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map((close) => close()));
    await this.#endThread();
  }

  async #close(id: number): Promise<void> {
    if (!this.#open.has(id)) return;
    await this.#ask({ type: 'close', id });
    await this.#leave(id);
  }

  async #leave(id: number): Promise<void> {
    this.#open.delete(id);
    if (this.#open.size === 0) await this.#endThread();
  }

  async #endThread(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #ask(request: RelayRequest): Promise<RelayAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<RelayAnswer>();
    this.#pending.set(request.id, { resolve, reject });
    this.#worker ??= this.#start();
    this.#worker.ref();
    this.#worker.postMessage(request);
    return promise;
  }

  #start(): Worker {
    const workerData: RelayWorkerData = { limits: this.#limits };
    const worker = new Worker(new URL('./relay-worker.ts', import.meta.url), { workerData });
    worker.on('message', (answer: RelayAnswer | RelayFault) => {
      if (answer.type === 'fault') this.#log.error({ err: answer.message }, 'relaying a port failed');
      else this.#settle(answer);
      // Relays alone do not keep a program that embeds the engine running.
      if (this.#pending.size === 0) worker.unref();
    });
    worker.on('error', (error) => this.#log.error({ err: messageOf(error) }, 'the thread that relays ports failed'));
    worker.on('exit', () => this.#ended(worker));
    return worker;
  }

  #settle(answer: RelayAnswer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if (answer.type === 'failed') pending?.reject(engineErrorOf(answer.error));
    else pending?.resolve(answer);
  }

  #ended(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#open.clear();
    for (const { reject } of this.#pending.values()) {
      reject(new EngineError('internal', 'the thread that relays ports ended'));
    }
    this.#pending.clear();
  }
}

function checkTarget({ address, port, sandboxPath }: RelayTarget): void {
  const attempted = `relay to ${address} port ${port}`;
  if (isIP(address) === 0) throw new EngineError('invalid-argument', `${attempted}: not an IP address`);
  if (!(port >= 1 && port <= 65535)) throw new EngineError('invalid-argument', `${attempted}: ports are 1 to 65535`);
  if (sandboxPath === undefined && (address.startsWith('127.') || address === '::1')) {
    throw new EngineError('invalid-argument', `${attempted}: that is the host itself`);
  }
}
