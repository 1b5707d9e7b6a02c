import { blockAround, type IpBlock } from '#/base/ip.ts';
import { listAddresses } from '#/linux/address.ts';
import { openNetlink } from '#/linux/netlink-socket.ts';
import { findLinkIndex } from '#/linux/netns.ts';
import { listRoutes } from '#/linux/route.ts';

/** What the host itself uses or reaches, apart from what belongs to the interface `except`, which is ours. */
export function hostBlocks(except?: string): readonly IpBlock[] {
  using netlink = openNetlink();
  const own = except === undefined ? undefined : findLinkIndex(except);
  const addresses = listAddresses(netlink).map(({ address, ...rest }) => ({ ...rest, base: address }));
  const routes = listRoutes(netlink).map(({ destination, ...rest }) => ({ ...rest, base: destination }));
  return [...addresses, ...routes]
    .filter(({ linkIndex }) => linkIndex === undefined || linkIndex !== own)
    .map(({ base, prefixLength }) => blockAround(base, prefixLength));
}
