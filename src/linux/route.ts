import { addressBytes, type IpAddress, type IpVersion, ipOfBytes } from '#/base/ip.ts';
import { ADDRESS_FAMILIES } from './address.ts';
import {
  bytesAttribute,
  decodeAttributes,
  type NetlinkRequest,
  NLM_F_CREATE,
  NLM_F_REPLACE,
  readU32,
  u32Attribute,
} from './netlink.ts';
import type { NetlinkSocket } from './netlink-socket.ts';

const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
const RTMSG_BYTES = 12;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_TABLE = 15;
const RT_TABLE_MAIN = 254;
const RT_TABLE_LOCAL = 255;
const RTPROT_BOOT = 3;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RT_SCOPE_NOWHERE = 255;
const RTN_UNICAST = 1;

/** A route to a destination of at least one bit. */
export interface Route {
  readonly destination: IpAddress;
  readonly prefixLength: number;
  readonly linkIndex: number | undefined;
}

function rtmsg(version: IpVersion, fields: { table: number; protocol: number; scope: number; type: number }): Buffer {
  const header = Buffer.alloc(RTMSG_BYTES);
  const { table, protocol, scope, type } = fields;
  header.set([ADDRESS_FAMILIES[version], 0, 0, 0, table, protocol, scope, type]);
  return header;
}

/**
 * Everything of that version without a nearer route goes through the interface, by way of `gateway`, or straight out where
 * that is ''; the default route that was there is replaced.
 */
export function setDefaultRoute(version: IpVersion, linkIndex: number, gateway: string): NetlinkRequest {
  const scope = gateway === '' && version === 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
  return {
    attempted: `set the IPv${version} default route to interface ${linkIndex}`,
    type: RTM_NEWROUTE,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    body: [
      rtmsg(version, { table: RT_TABLE_MAIN, protocol: RTPROT_BOOT, scope, type: RTN_UNICAST }),
      ...(gateway === '' ? [] : [bytesAttribute(RTA_GATEWAY, addressBytes(gateway))]),
      u32Attribute(RTA_OIF, linkIndex),
    ],
  };
}

/** Nothing of that version goes beyond the interfaces' own subnets any more; absence is success. */
export const deleteDefaultRoute = (version: IpVersion): NetlinkRequest => ({
  attempted: `remove the IPv${version} default route`,
  type: RTM_DELROUTE,
  flags: 0,
  body: [rtmsg(version, { table: RT_TABLE_MAIN, protocol: 0, scope: RT_SCOPE_NOWHERE, type: 0 })],
  // ENOENT: there is not even a table of that version.
  tolerated: ['ESRCH', 'ENOENT'],
});

/** The routes of all tables but the kernel's own `local`, without default routes. */
export function listRoutes(netlink: NetlinkSocket): readonly Route[] {
  return ([4, 6] as const).flatMap((version) => {
    const body = [rtmsg(version, { table: 0, protocol: 0, scope: 0, type: 0 })];
    const request = { attempted: `list the IPv${version} routes`, type: RTM_GETROUTE, flags: 0, body };
    return netlink.dump(request).flatMap(({ type, payload }) => {
      const attributes = decodeAttributes(payload.subarray(RTMSG_BYTES));
      const destination = attributes.get(RTA_DST);
      const table = attributes.get(RTA_TABLE);
      if (type !== RTM_NEWROUTE || destination === undefined || (table && readU32(table) === RT_TABLE_LOCAL)) return [];
      const link = attributes.get(RTA_OIF);
      return [{ destination: ipOfBytes(destination), prefixLength: payload[1] ?? 0, linkIndex: link && readU32(link) }];
    });
  });
}
