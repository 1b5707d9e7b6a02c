import type { ContainerId } from '#/base/ids.ts';
import type { PortBinding, PublishedPort } from '../network.ts';

/**
 * The host's ports that lead to containers: reserved by a bound socket, so that a conflict with anybody is seen before anything
 * is made, and kept reserved; led on by the firewall, or by a relay where the kernel cannot (`::1`, unix sockets).
 */
export interface Ports {
  /** Exactly these from now on. Throws conflict, with Docker's text; then nothing has changed. */
  publish(container: ContainerId, bindings: readonly PortBinding[], target: PortTarget): Promise<readonly PublishedPort[]>;
  /** Absence is success. */
  release(container: ContainerId): Promise<void>;
  portsOf(container: ContainerId): readonly PublishedPort[];
  close(): Promise<void>;
}

/** Where published ports lead: the endpoint of the container's default gateway. */
export interface PortTarget {
  /** '' where it has none. */
  readonly ipv4Address: string;
  readonly ipv6Address: string;
  readonly bridgeName: string;
  /** Of `''`: the network's `com.docker.network.bridge.host_binding_ipv4`, or '0.0.0.0'. */
  readonly defaultHostAddress: string;
  /** For relays, which connect from inside the namespace. */
  readonly sandboxPath: string;
}
