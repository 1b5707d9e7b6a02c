import { setTimeout as sleep } from 'node:timers/promises';
import { EngineError } from '#/base/errors.ts';
import type { Logger } from '#/base/log.ts';
import { type DhcpClient, tell } from './conversation.ts';
import { type Lease, obtainLease, renewLease } from './lease.ts';

/** Addresses of endpoints that the network's own server lends, kept for as long as the endpoint lives. By the endpoint's id. */
export interface DhcpClients {
  /**
   * Waits for a lease. With an address that it had, the endpoint keeps that, and the server is asked in the background: for
   * after a restart; undefined then, as for an endpoint that is kept already. Throws unavailable where no server answers.
   */
  acquire(endpointId: string, request: LeaseRequest): Promise<Lease | undefined>;
  /** Tells the server that the address is free, while the interface still is there. Never fails; absence is success. */
  release(endpointId: string): Promise<void>;
  /** Asks for no more time; the endpoints keep what they have. */
  close(): void;
}

export interface LeaseRequest extends DhcpClient {
  /** Its address so far; '' for none. */
  readonly known: string;
  /** For the error, and the log. */
  readonly networkName: string;
  /** The address from now on, also when it is the same; undefined when it may not be used any more. Not for what `acquire` returns. */
  readonly onLease: (lease: Lease | undefined) => Promise<void>;
}

const RETRY_MS = 30_000;

export interface DhcpOptions {
  readonly log: Logger;
  /** How long it rests when nobody has answered. */
  readonly retryMs?: number;
}

interface Kept {
  readonly request: LeaseRequest;
  readonly end: AbortController;
  lease: Lease | undefined;
}

export function openDhcp({ log, retryMs = RETRY_MS }: DhcpOptions): DhcpClients {
  const kept = new Map<string, Kept>();
  const forget = (endpointId: string): Kept | undefined => {
    const one = kept.get(endpointId);
    one?.end.abort();
    kept.delete(endpointId);
    return one;
  };
  return {
    async acquire(endpointId, request) {
      if (kept.has(endpointId)) return undefined;
      const one: Kept = { request, end: new AbortController(), lease: undefined };
      kept.set(endpointId, one);
      try {
        if (request.known === '') one.lease = await take(one);
      } catch (error) {
        forget(endpointId);
        throw error;
      }
      void keep(one, log, retryMs);
      return one.lease;
    },
    async release(endpointId) {
      const one = forget(endpointId);
      if (one?.lease === undefined) return;
      const { address, server } = one.lease;
      const farewell = { type: 'release', clientAddress: address, serverAddress: server.address } as const;
      await tell(one.request, farewell, server).catch((err: unknown) => {
        log.debug({ err, address }, 'cannot give an address back to its DHCP server');
      });
    },
    close() {
      for (const endpointId of [...kept.keys()]) forget(endpointId);
    },
  };
}

async function take({ request, end }: Kept): Promise<Lease> {
  const lease = await obtainLease(request, '', end.signal);
  if (lease === undefined) throw noAnswer(request);
  return lease;
}

/** Until the endpoint is released. A failure is tried again, since the container runs on. */
async function keep(one: Kept, log: Logger, retryMs: number): Promise<void> {
  const { request, end } = one;
  const facts = { network: request.networkName };
  let known = request.known;
  while (!end.signal.aborted) {
    try {
      const hadLease = one.lease !== undefined;
      one.lease = await nextLease(one, known);
      if (one.lease === undefined && !hadLease) throw noAnswer(request);
      known = one.lease?.address ?? '';
      await request.onLease(one.lease);
    } catch (err) {
      if (end.signal.aborted) return;
      log.warn({ ...facts, err }, 'cannot keep an address by DHCP; will try again');
      await sleep(retryMs, undefined, { signal: end.signal, ref: false }).catch(() => {});
    }
  }
}

const nextLease = ({ request, lease, end }: Kept, known: string): Promise<Lease | undefined> =>
  lease === undefined ? obtainLease(request, known, end.signal) : renewLease(request, lease, end.signal);

const noAnswer = ({ networkName }: LeaseRequest): EngineError =>
  new EngineError('unavailable', `no DHCP server answered on network ${networkName}`);
