import { exchange } from './exchange.ts';
import type { Transport } from './listeners.ts';
import { FORMERR, NOTIMP, type Query, REFUSED, rcodeOf, SERVFAIL } from './wire.ts';

const UPSTREAM_TIMEOUT_MS = 2000;
/** resolv.conf(5) has room for three. */
const MAX_UPSTREAMS = 3;
/** As long, a resolver that did not answer is asked last. */
const SUSPECT_MS = 30_000;
/** Of one client; Docker's number. */
const MAX_CONCURRENT = 1024;
/** Each is a descriptor. */
const MAX_CONCURRENT_IN_ALL = 4096;

/** Answers that say nothing about the name: another resolver may know better. */
const UNHELPFUL: readonly number[] = [FORMERR, SERVFAIL, NOTIMP, REFUSED];

/** Whom to ask, and from where. */
export interface Route {
  readonly upstreams: readonly string[];
  readonly netnsPath: string | undefined;
}

/** One client's share of the forwarder. */
export interface ForwardingClient {
  readonly signal: AbortSignal;
  pending: number;
}

/** Passes questions on, a bounded number at a time, to one resolver after the other. */
export class Forwarder {
  readonly #suspectUntilMs = new Map<string, number>();
  #pending = 0;

  /** The answer as it came, or the code that says why there is none. */
  async forward(
    client: ForwardingClient,
    query: Query,
    transport: Transport,
    { upstreams, netnsPath }: Route,
  ): Promise<Buffer | typeof SERVFAIL | typeof REFUSED> {
    if (client.pending >= MAX_CONCURRENT || this.#pending >= MAX_CONCURRENT_IN_ALL) return REFUSED;
    client.pending += 1;
    this.#pending += 1;
    try {
      let unhelpful: Buffer | undefined;
      for (const upstream of this.#inOrder(upstreams)) {
        const { signal } = client;
        const answer = await exchange({
          query,
          transport,
          upstream,
          netnsPath,
          signal,
          timeoutMs: UPSTREAM_TIMEOUT_MS,
        });
        this.#judge(upstream, answer !== undefined);
        if (answer !== undefined && !UNHELPFUL.includes(rcodeOf(answer))) return answer;
        unhelpful ??= answer;
      }
      return unhelpful ?? SERVFAIL;
    } finally {
      client.pending -= 1;
      this.#pending -= 1;
    }
  }

  #inOrder(upstreams: readonly string[]): readonly string[] {
    const nowMs = performance.now();
    const isSuspect = (upstream: string) => Number((this.#suspectUntilMs.get(upstream) ?? 0) > nowMs);
    return upstreams.slice(0, MAX_UPSTREAMS).toSorted((a, b) => isSuspect(a) - isSuspect(b));
  }

  #judge(upstream: string, hasAnswered: boolean): void {
    if (hasAnswered) this.#suspectUntilMs.delete(upstream);
    else this.#suspectUntilMs.set(upstream, performance.now() + SUSPECT_MS);
  }
}
