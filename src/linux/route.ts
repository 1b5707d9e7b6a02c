import { ipv4Bytes } from './address.ts';
import {
  bytesAttribute,
  decodeAttributes,
  type NetlinkRequest,
  NLM_F_CREATE,
  NLM_F_EXCL,
  readU32,
  u32Attribute,
} from './netlink.ts';
import type { NetlinkSocket } from './netlink-socket.ts';

const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const RTMSG_BYTES = 12;
const AF_INET = 2;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_TABLE = 15;
const RT_TABLE_MAIN = 254;
const RT_TABLE_LOCAL = 255;
const RTPROT_BOOT = 3;
const RT_SCOPE_UNIVERSE = 0;
const RTN_UNICAST = 1;

/** An IPv4 route to a destination of at least one bit. */
export interface Route {
  readonly destination: number;
  readonly prefixLength: number;
  readonly linkIndex: number | undefined;
}

function rtmsg(fields: { table: number; protocol: number; type: number }): Buffer {
  const header = Buffer.alloc(RTMSG_BYTES);
  header.set([AF_INET, 0, 0, 0, fields.table, fields.protocol, RT_SCOPE_UNIVERSE, fields.type]);
  return header;
}

/** Everything without a nearer route goes to `gateway`; a default route that is there already is success. */
export const addDefaultRoute = (linkIndex: number, gateway: number): NetlinkRequest => ({
  attempted: `add the default route of interface ${linkIndex}`,
  type: RTM_NEWROUTE,
  flags: NLM_F_CREATE | NLM_F_EXCL,
  body: [
    rtmsg({ table: RT_TABLE_MAIN, protocol: RTPROT_BOOT, type: RTN_UNICAST }),
    bytesAttribute(RTA_GATEWAY, ipv4Bytes(gateway)),
    u32Attribute(RTA_OIF, linkIndex),
  ],
  tolerated: ['EEXIST'],
});

/** The IPv4 routes of all tables but the kernel's own `local`, without default routes. */
export function listRoutes(netlink: NetlinkSocket): readonly Route[] {
  const body = [rtmsg({ table: 0, protocol: 0, type: 0 })];
  const request = { attempted: 'list the IPv4 routes', type: RTM_GETROUTE, flags: 0, body };
  return netlink.dump(request).flatMap(({ type, payload }) => {
    const attributes = decodeAttributes(payload.subarray(RTMSG_BYTES));
    const destination = attributes.get(RTA_DST);
    const table = attributes.get(RTA_TABLE);
    if (type !== RTM_NEWROUTE || destination === undefined || (table && readU32(table) === RT_TABLE_LOCAL)) return [];
    const link = attributes.get(RTA_OIF);
    return [
      { destination: destination.readUInt32BE(), prefixLength: payload[1] ?? 32, linkIndex: link && readU32(link) },
    ];
  });
}
