import { isIPv4 } from 'node:net';
import { EngineError } from '#/base/errors.ts';
import type { PortForward } from '../firewall-elements.ts';
import type { PortBinding, PublishedPort } from '../network.ts';
import type { RelayTarget } from '../relay/relay.ts';
import type { PortTarget, PublishMode } from './ports.ts';

/** How a port of the host leads to the container: by the kernel, by a relay, or both, each for its callers. */
export interface Route {
  readonly forward: PortForward | undefined;
  readonly relay: RelayTarget | undefined;
}

const ANY_IPV4 = '0.0.0.0';
const ANY_IPV6 = '::';
const LOOPBACK_IPV6 = '::1';

export const isUnixPath = (hostAddress: string): boolean => hostAddress.startsWith('/');

/** A host address that the binding stands for. */
export interface BindingAddress {
  readonly address: string;
  /** Left out where this host or the protocol cannot have it: nobody asked for it by name. */
  readonly implied: boolean;
}

export function addressesOf({ hostAddress }: PortBinding, target: PortTarget): readonly BindingAddress[] {
  if (hostAddress !== '') return [{ address: hostAddress, implied: false }];
  const { defaultHostAddress } = target;
  if (defaultHostAddress !== ANY_IPV4 && defaultHostAddress !== '') {
    return [{ address: defaultHostAddress, implied: false }];
  }
  return [
    { address: ANY_IPV4, implied: false },
    { address: ANY_IPV6, implied: true },
  ];
}

/** Throws not-implemented for sctp where only a relay would do. */
export function planRoute(port: PublishedPort, target: PortTarget, mode: PublishMode): Route {
  const { ipv4Address, ipv6Address, sandboxPath } = target;
  const { hostAddress, containerPort } = port;
  const anyAddress = ipv4Address || ipv6Address;
  if (isUnixPath(hostAddress)) {
    return { forward: undefined, relay: { address: anyAddress || '127.0.0.1', port: containerPort, sandboxPath } };
  }
  const sameFamily = isIPv4(hostAddress) ? ipv4Address : ipv6Address;
  const forwarded = mode === 'open' && sameFamily !== '' && hostAddress !== LOOPBACK_IPV6;
  const forward = forwarded ? { ...port, containerAddress: sameFamily } : undefined;
  const relay = { address: sameFamily || anyAddress, port: containerPort };
  if (forward !== undefined && (hostAddress !== ANY_IPV6 || port.protocol === 'sctp')) {
    return { forward, relay: undefined };
  }
  if (port.protocol === 'sctp') {
    throw new EngineError(
      'not-implemented',
      `cannot publish sctp port ${containerPort} at ${hostAddress}: only tcp and udp are relayed`,
    );
  }
  // At `::` the firewall takes all callers but those of ::1, who find the relay.
  return { forward, relay };
}

export const printHostAddress = (address: string): string => (address.includes(':') ? `[${address}]` : address);
