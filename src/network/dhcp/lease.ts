import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, ask, type DhcpClient } from './conversation.ts';
import { BROADCAST, type Place } from './frame.ts';

/** An address that a server lends for a while. */
export interface Lease {
  readonly address: string;
  readonly prefixLength: number;
  /** '' where the server names none. */
  readonly gateway: string;
  readonly server: Place;
  /** By performance.now(): when to ask that server for more time, when any, and when the address is lost. */
  readonly renewAtMs: number;
  readonly rebindAtMs: number;
  readonly expiresAtMs: number;
}

const ATTEMPTS_MAX = 3;
const WHOLE_NETWORK_BITS = 24;
const DAY_SEC = 86_400;
/** What servers call forever comes to renewing now and then. */
const LEASE_SEC_MAX = 20 * DAY_SEC;
/** A server that wants to be asked without a pause, or a container that plays one, does not get its way. */
const RENEWAL_SEC_MIN = 1;

/** The lease of `known` ('' for none) again if the server still agrees, else a new one; undefined where nobody answers. */
export async function obtainLease(client: DhcpClient, known: string, signal: AbortSignal): Promise<Lease | undefined> {
  if (known !== '') {
    const answer = await ask(client, { type: 'request', requestedAddress: known }, ['ack', 'nak'], { signal });
    const lease = answer && leaseOf(answer);
    if (lease !== undefined) return lease;
  }
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const offer = await ask(client, { type: 'discover' }, ['offer'], { signal });
    if (offer === undefined) return undefined;
    const { address, serverAddress } = offer.reply;
    const request = { type: 'request', requestedAddress: address, serverAddress } as const;
    const answer = await ask(client, request, ['ack', 'nak'], { signal });
    const lease = answer && leaseOf(answer);
    if (lease !== undefined) return lease;
  }
  return undefined;
}

/**
 * Waits until it is time, then has the lease prolonged: first by its server, later by any. Undefined when the server refuses
 * or the time is over: the address may not be used any more.
 */
export async function renewLease(client: DhcpClient, lease: Lease, signal: AbortSignal): Promise<Lease | undefined> {
  await sleep(lease.renewAtMs - performance.now(), undefined, { signal, ref: false });
  const phases = [
    { untilMs: lease.rebindAtMs, target: lease.server },
    { untilMs: lease.expiresAtMs, target: BROADCAST },
  ];
  for (const { untilMs, target } of phases) {
    while (performance.now() < untilMs) {
      const question = { type: 'request', clientAddress: lease.address } as const;
      const answer = await ask(client, question, ['ack', 'nak'], { signal, target, untilMs });
      if (answer !== undefined) return leaseOf(answer);
      await sleep(retryAfterMs(untilMs - performance.now()), undefined, { signal, ref: false });
    }
  }
  return undefined;
}

/** Half of what is left, but not more often than once a minute: RFC 2131, 4.4.5. */
const retryAfterMs = (leftMs: number): number => Math.max(0, Math.min(leftMs, Math.max(leftMs / 2, 60_000)));

/** Undefined for a refusal, and for an answer that lends nothing. */
function leaseOf({ reply, sourceMac }: Answer): Lease | undefined {
  const { type, address, leaseSec } = reply;
  if (type !== 'ack' || address === '' || leaseSec === undefined || leaseSec === 0) return undefined;
  const durationSec = Math.min(leaseSec, LEASE_SEC_MAX);
  const rebindingSec = Math.min(reply.rebindingSec ?? durationSec * 0.875, durationSec);
  const renewalSec = Math.max(RENEWAL_SEC_MIN, Math.min(reply.renewalSec ?? durationSec * 0.5, rebindingSec));
  const nowMs = performance.now();
  return {
    address,
    prefixLength: reply.prefixLength ?? WHOLE_NETWORK_BITS,
    gateway: reply.gateway,
    server: { macAddress: sourceMac, address: reply.serverAddress || BROADCAST.address },
    renewAtMs: nowMs + renewalSec * 1000,
    rebindAtMs: nowMs + rebindingSec * 1000,
    expiresAtMs: nowMs + durationSec * 1000,
  };
}
