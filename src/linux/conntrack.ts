import { bytesAttribute, type NetlinkRequest, nestedAttribute, u8Attribute, u32Attribute } from './netlink.ts';
import { openNfnetlink } from './nfnetlink.ts';
import { portValue } from './nft-values.ts';

const NFNL_SUBSYS_CTNETLINK = 1;
const IPCTNL_MSG_CT_DELETE = 2;
const CTA_TUPLE_ORIG = 1;
const CTA_FILTER = 25;
const CTA_TUPLE_PROTO = 2;
const CTA_PROTO_NUM = 1;
const CTA_PROTO_DST_PORT = 3;
const CTA_FILTER_ORIG_FLAGS = 1;
const CTA_FILTER_REPLY_FLAGS = 2;
const BY_PROTOCOL_AND_DESTINATION_PORT = (1 << 3) | (1 << 5);
const IPPROTO_UDP = 17;
const FAMILIES = [2, 10];

/**
 * Has the kernel decide anew where datagrams to these ports go: a caller that goes on sending would else keep the address
 * translation that it found first. Connections of tcp end by themselves. Older kernels cannot select by port alone: there it
 * takes the half minute of silence after which the kernel forgets a flow.
 */
export async function forgetUdpFlows(ports: Iterable<number>): Promise<void> {
  using netlink = openNfnetlink();
  await netlink.batch([...new Set(ports)].flatMap((port) => FAMILIES.map((family) => forgetFlowsTo(port, family))));
}

const forgetFlowsTo = (port: number, family: number): NetlinkRequest => ({
  attempted: `forget the udp flows to port ${port}`,
  type: (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE,
  flags: 0,
  body: [
    // A version of 1 says that the family counts.
    Buffer.of(family, 1, 0, 0),
    nestedAttribute(
      CTA_TUPLE_ORIG,
      nestedAttribute(
        CTA_TUPLE_PROTO,
        u8Attribute(CTA_PROTO_NUM, IPPROTO_UDP),
        bytesAttribute(CTA_PROTO_DST_PORT, portValue(port)),
      ),
    ),
    nestedAttribute(
      CTA_FILTER,
      u32Attribute(CTA_FILTER_ORIG_FLAGS, BY_PROTOCOL_AND_DESTINATION_PORT),
      u32Attribute(CTA_FILTER_REPLY_FLAGS, 0),
    ),
  ],
  tolerated: ['ENOENT', 'EINVAL', 'EOPNOTSUPP'],
});
