import { Worker } from 'node:worker_threads';
import { EngineError } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import type { Logger } from '#/base/log.ts';
import { engineErrorOf } from '#/base/plain-error.ts';
import { HOST_RESOLVER_ADDRESS } from '#/spec/gantry-names.ts';
import { watchHostResolvers } from './host-resolvers.ts';
import type { NamedNetwork, NameServer, NameServerSettings } from './name-server.ts';
import type { Attachment, WorkerInput, WorkerOutput, WorkerSettings, WorkerTask } from './worker-protocol.ts';

const RESTART_DELAY_MS = 1000;

export interface NameServerOptions {
  readonly log: Logger;
  /** A loopback address of the host; '' for none. */
  readonly hostAddress?: string;
}

/**
 * Opens the name server. Its thread starts when there is something to serve: a container, or a host that has us in its
 * resolv.conf. Where the host's address cannot be had, that is logged and containers are served all the same.
 */
export function openNameServer({ log, hostAddress = HOST_RESOLVER_ADDRESS }: NameServerOptions): NameServer {
  const server = new ThreadedNameServer(log, { hostAddress });
  if (hostAddress !== '' && watchHostResolvers(hostAddress).forHost().length > 0) server.start();
  return server;
}

interface Pending {
  readonly type: WorkerTask['type'];
  readonly resolve: () => void;
  readonly reject: (error: EngineError) => void;
}

/** Keeps what the thread was told, so that another one can take over should it die. */
class ThreadedNameServer implements NameServer {
  readonly #log: Logger;
  readonly #settings: WorkerSettings;
  readonly #networks = new Map<string, NamedNetwork>();
  readonly #attachments = new Map<ContainerId, Attachment>();
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #worker: Worker | undefined;
  #isClosed = false;

  constructor(log: Logger, settings: WorkerSettings) {
    this.#log = log;
    this.#settings = settings;
  }

  warmUp(): void {
    if (!this.#isClosed) this.start();
  }

  async attach(container: ContainerId, path: string, settings: NameServerSettings): Promise<void> {
    const attachment = { container, path, settings };
    const worker = this.start();
    this.#attachments.set(container, attachment);
    await this.#run(worker, { type: 'attach', attachment });
  }

  async detach(container: ContainerId): Promise<void> {
    this.#attachments.delete(container);
    if (this.#worker !== undefined) await this.#run(this.#worker, { type: 'detach', container });
  }

  setEndpoints(networkId: string, network: NamedNetwork | undefined): void {
    const known = network !== undefined && network.endpoints.length > 0;
    if (!known && !this.#networks.delete(networkId)) return;
    const worker = this.start();
    if (known) this.#networks.set(networkId, network);
    tell(worker, { type: 'network', networkId, network: known ? network : undefined });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    // Should it fail, or be dead already, it is ended all the same.
    await this.#run(worker, { type: 'close' }).catch(() => {});
    await worker.terminate();
  }

  /** The thread, which knows all that was told so far. */
  start(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    if (this.#isClosed) throw new EngineError('unavailable', 'the name server is closed');
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: this.#settings });
    this.#worker = worker;
    worker.unref();
    worker.on('message', (output: WorkerOutput) => this.#hear(output));
    worker.on('error', (err) => this.#log.error({ err }, 'the thread that serves names failed'));
    worker.on('exit', () => this.#afterExit());
    for (const [networkId, network] of this.#networks) tell(worker, { type: 'network', networkId, network });
    for (const attachment of this.#attachments.values()) {
      this.#run(worker, { type: 'attach', attachment }).catch((err: unknown) => {
        this.#log.error({ err, container: attachment.container }, 'cannot serve names to a container again');
      });
    }
    return worker;
  }

  #run(worker: Worker, task: WorkerTask): Promise<void> {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#pending.set(id, { type: task.type, resolve, reject });
    worker.ref();
    tell(worker, { type: 'task', id, task });
    return promise;
  }

  #hear(output: WorkerOutput): void {
    if (output.type === 'warning') {
      this.#log.warn({}, output.message);
      return;
    }
    const pending = this.#pending.get(output.id);
    this.#pending.delete(output.id);
    if (this.#pending.size === 0) this.#worker?.unref();
    if (output.error === undefined) pending?.resolve();
    else pending?.reject(engineErrorOf(output.error));
  }

  #afterExit(): void {
    this.#worker = undefined;
    for (const { type, resolve, reject } of this.#pending.values()) {
      // It serves that container no more, nor does the next one.
      if (type === 'detach') resolve();
      else reject(new EngineError('unavailable', 'the thread that serves names ended'));
    }
    this.#pending.clear();
    if (this.#isClosed) return;
    setTimeout(() => {
      if (!this.#isClosed) this.start();
    }, RESTART_DELAY_MS).unref();
  }
}

const tell = (worker: Worker, input: WorkerInput): void => worker.postMessage(input);
