import type { ContainerId } from '#/base/ids.ts';
import type { PortBinding, PublishedPort } from '../network.ts';

/**
 * The host's ports that lead to containers: reserved by a bound socket, so that a conflict with anybody is seen before anything
 * is made, and kept reserved; led on by the firewall, or by a relay where the kernel cannot (`::1`, from IPv6 to a container
 * that has none, unix sockets) or must not (`host-firewall`).
 */
export interface Ports {
  /** Exactly these from now on; what was open already stays. Throws conflict, with Docker's text; then nothing has changed. */
  publish(
    container: ContainerId,
    bindings: readonly PortBinding[],
    target: PortTarget,
  ): Promise<readonly PublishedPort[]>;
  /**
   * What `publish` of an engine before this one answered. A port that a stranger took meanwhile is logged and led on all the
   * same, as far as the kernel does it.
   */
  restore(container: ContainerId, ports: readonly PublishedPort[], target: PortTarget): Promise<void>;
  /** Absence is success. */
  release(container: ContainerId): Promise<void>;
  portsOf(container: ContainerId): readonly PublishedPort[];
  /** Gives back the sockets and ends the relays; the rules stay. */
  close(): Promise<void>;
}

/** Where published ports lead: the endpoint of the container's default gateway. */
export interface PortTarget {
  /** '' where it has none. */
  readonly ipv4Address: string;
  readonly ipv6Address: string;
  /** Of `''`: the network's `com.docker.network.bridge.host_binding_ipv4`, or '0.0.0.0'. */
  readonly defaultHostAddress: string;
  /** No way in from any network: only unix sockets are opened, the other bindings are passed over as Docker does. */
  readonly internal: boolean;
  /** For relays of unix sockets, which connect from inside the namespace. */
  readonly sandboxPath: string;
}

/** `host-firewall`: each port is served by a socket of the host's own, so that the host's INPUT rules decide who reaches it. */
export type PublishMode = 'open' | 'host-firewall';
