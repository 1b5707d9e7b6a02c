import type { Endpoint } from './network.ts';

/**
 * Which of a container's endpoints is its way out: not of an internal network, then the highest priority, then the first
 * network by name. Order of `sort`.
 */
export const byGatewayRule =
  (isInternal: (networkId: string) => boolean) =>
  (a: Endpoint, b: Endpoint): number =>
    Number(isInternal(a.networkId)) - Number(isInternal(b.networkId)) ||
    b.gatewayPriority - a.gatewayPriority ||
    (a.networkName < b.networkName ? -1 : 1);

/** The default routes of a container: for each version an endpoint, or none. */
export interface Gateways {
  readonly ipv4: Endpoint | undefined;
  readonly ipv6: Endpoint | undefined;
}

/** Of endpoints in the order of the rule. The versions may have different ones. */
export const gatewaysOf = (endpoints: readonly Endpoint[]): Gateways => ({
  ipv4: endpoints.find(({ gateway }) => gateway !== ''),
  ipv6: endpoints.find(({ ipv6Gateway }) => ipv6Gateway !== ''),
});
