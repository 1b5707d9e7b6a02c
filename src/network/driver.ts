import type { Network } from './network.ts';
import type { EndpointRecord } from './records.ts';

/**
 * What makes a kind of network real in the kernel. Everything here is idempotent: it is called again after a crash and
 * after a stranger took something away. Rows, addresses, names and ports are not a driver's matter.
 */
export interface NetworkDriver {
  /** Throws invalid-argument or unavailable for options that cannot be served here; touches nothing. */
  check(network: Network): void;
  /** What the host needs for the network: a bridge with its addresses. */
  ensure(network: Network): Promise<void>;
  /** Takes down what `ensure` made; absence is success. */
  remove(network: Network): Promise<void>;
  /** The endpoint's interface inside the namespace at `path`: made, with its addresses, up. No default route. */
  furnish(network: Network, endpoint: EndpointRecord, path: string): Promise<void>;
  /** Takes the interface away while the namespace lives on; absence is success. Never stalls the event loop. */
  unfurnish(network: Network, endpoint: EndpointRecord, path: string): Promise<void>;
}
