import { EngineError } from '#/base/errors.ts';
import { addAddress } from '#/linux/address.ts';
import { raiseLink } from '#/linux/link.ts';
import { openNetlink } from '#/linux/netlink-socket.ts';
import { findLinkIndex, insideNetns } from '#/linux/netns.ts';
import { ensureSysctl } from '#/linux/sysctl.ts';
import type { EndpointRecord } from './records.ts';

/** Gives the interface of an endpoint, in the namespace at `path`, its addresses, and brings it up. */
export async function configureInterface(endpoint: EndpointRecord, path: string): Promise<void> {
  const { interfaceName, ipv4Address, ipv4PrefixLength, ipv6Address, ipv6PrefixLength } = endpoint;
  const inner = insideNetns(path, () => {
    if (ipv6Address !== '') enableIpv6(interfaceName);
    return { index: findLinkIndex(interfaceName), netlink: openNetlink() };
  });
  using netlink = inner.netlink;
  const { index } = inner;
  if (index === undefined) throw new EngineError('unavailable', `${interfaceName} vanished from ${path}`);
  await netlink.batch([
    ...(ipv4Address === '' ? [] : [addAddress(index, ipv4Address, ipv4PrefixLength)]),
    ...(ipv6Address === '' ? [] : [addAddress(index, ipv6Address, ipv6PrefixLength)]),
    raiseLink(index),
  ]);
}

/** Its addresses are those that ipam gave, at once, and its router is the one that we name: nobody's advertisements count. */
function enableIpv6(interfaceName: string): void {
  for (const setting of ['accept_ra', 'accept_dad', 'disable_ipv6']) {
    ensureSysctl(`net/ipv6/conf/${interfaceName}/${setting}`, '0');
  }
}
