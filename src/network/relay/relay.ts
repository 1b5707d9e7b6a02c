/**
 * Ports and unix sockets of the host that a thread of ours leads to a container, where the kernel's address translation
 * cannot: `::1`, unix sockets, and published ports that the host's own firewall is to decide on.
 */
export interface Relays {
  /**
   * Listens from now on. Throws conflict, with the errno, where the port or path is taken, not-found for a missing directory.
   * Nothing needs to listen at the target yet: whoever comes before is refused as the container itself would refuse.
   */
  listen(listener: RelayListener, target: RelayTarget): Promise<RelayHandle>;
  /** Ends all relays with their connections, and their thread. */
  close(): Promise<void>;
}

export type RelayListener =
  | {
      readonly kind: 'tcp' | 'udp';
      readonly hostAddress: string;
      /** 0 means a free one. */
      readonly hostPort: number;
      /** A socket bound to that address already, taken over by the relay: closed with it, and also when `listen` fails. */
      readonly reservedFd?: number;
    }
  | {
      readonly kind: 'unix';
      /** Absolute. A socket on which nobody listens any more is replaced there; anything else is a conflict. */
      readonly path: string;
      /** Permission bits; 0o660, of root's, without it. */
      readonly mode?: number;
    };

export interface RelayTarget {
  /** Without a sandbox never a loopback address, which would be the host's own services. */
  readonly address: string;
  readonly port: number;
  /**
   * Connects from inside this namespace. Then 127.0.0.1 is the container's own, and networks without a way in do not matter;
   * the container sees itself as the caller. Without it the host connects, and the container sees the bridge's address.
   */
  readonly sandboxPath?: string;
}

export interface RelayHandle {
  /** That listens; 0 for unix sockets. */
  readonly hostPort: number;
  /** Ends the connections too, and takes the unix socket's file away, if it is still ours that stands there. Idempotent. */
  close(): Promise<void>;
}

/** The most that one engine relays at once; what comes beyond is closed at once. */
export const RELAY_LIMITS = {
  connections: 4096,
  connectionsOfOneListener: 1024,
  udpIdleMs: 90_000,
} as const;

export type RelayLimits = { readonly [Name in keyof typeof RELAY_LIMITS]: number };
