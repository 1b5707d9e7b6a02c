import { EngineError } from '#/base/errors.ts';
import type { IpVersion } from '#/base/ip.ts';
import type { NetlinkRequest } from '#/linux/netlink.ts';
import { openNetlink } from '#/linux/netlink-socket.ts';
import { findLinkIndex, insideNetns } from '#/linux/netns.ts';
import { deleteDefaultRoute, setDefaultRoute } from '#/linux/route.ts';
import type { Gateways } from './gateway.ts';
import type { Endpoint } from './network.ts';

/** Leads what leaves the namespace at `path` through the gateways; of the versions in `before` that have none now, nowhere. */
export async function moveDefaultRoutes(path: string, before: Gateways, now: Gateways): Promise<void> {
  if (noneOf(before) && noneOf(now)) return;
  const inner = insideNetns(path, () => ({ requests: plan(before, now), netlink: openNetlink() }));
  using netlink = inner.netlink;
  await netlink.batch(inner.requests);
}

const noneOf = ({ ipv4, ipv6 }: Gateways): boolean => ipv4 === undefined && ipv6 === undefined;

function plan(before: Gateways, now: Gateways): readonly NetlinkRequest[] {
  return [
    ...planVersion(4, before.ipv4, now.ipv4, now.ipv4?.gateway ?? ''),
    ...planVersion(6, before.ipv6, now.ipv6, now.ipv6?.ipv6Gateway ?? ''),
  ];
}

function planVersion(
  version: IpVersion,
  before: Endpoint | undefined,
  now: Endpoint | undefined,
  gateway: string,
): readonly NetlinkRequest[] {
  if (now === undefined) return before === undefined ? [] : [deleteDefaultRoute(version)];
  const index = findLinkIndex(now.interfaceName);
  if (index === undefined)
    throw new EngineError('unavailable', `interface ${now.interfaceName} of a container is gone`);
  return [setDefaultRoute(version, index, gateway)];
}
