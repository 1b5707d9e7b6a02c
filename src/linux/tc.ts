import {
  bytesAttribute,
  type NetlinkRequest,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  nestedAttribute,
  readU16,
  textAttribute,
  u32Attribute,
  writeU32,
} from './netlink.ts';

/** Queueing disciplines by netlink: linux/pkt_sched.h, linux/pkt_cls.h, tc-tbf(8), tc-mirred(8). */

const RTM_NEWQDISC = 36;
const RTM_DELQDISC = 37;
const RTM_NEWTFILTER = 44;
const TCMSG_BYTES = 20;
const TCA_KIND = 1;
const TCA_OPTIONS = 2;

const TC_H_ROOT = 0xffffffff;
const TC_H_INGRESS = 0xfffffff1;
const INGRESS_HANDLE = 0xffff0000;
const OWN_HANDLE = 0x00010000;

const TCA_TBF_PARMS = 1;
const TCA_TBF_RATE64 = 4;
const TCA_TBF_BURST = 6;
const TBF_PARMS_BYTES = 36;
const LINKLAYER_ETHERNET = 1;
const U32_MAX = 0xffffffff;

const TCA_U32_SEL = 5;
const TCA_U32_ACT = 7;
const U32_SELECTOR_BYTES = 16;
const U32_KEY_BYTES = 16;
const TC_U32_TERMINAL = 1;
const TCA_ACT_KIND = 1;
const TCA_ACT_OPTIONS = 2;
const FIRST_ACTION = 1;
const TCA_MIRRED_PARMS = 2;
const MIRRED_PARMS_BYTES = 28;
const TC_ACT_STOLEN = 4;
const TCA_EGRESS_REDIR = 1;
const FIRST_PRIORITY = 1;
const ETH_P_ALL = 3;

/** A bucket of `burstBytes` that fills at `bytesPerSecond`; what does not fit waits, up to `queueBytes` of it. */
export interface TokenBucket {
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
  readonly queueBytes: number;
}

function tcmsg(linkIndex: number, handle: number, parent: number): Buffer {
  const header = Buffer.alloc(TCMSG_BYTES);
  writeU32(header, linkIndex, 4);
  writeU32(header, handle, 8);
  writeU32(header, parent, 12);
  return header;
}

/** What leaves through the interface goes no faster than this; also in place of another bucket. */
export function shapeEgress(
  linkIndex: number,
  { bytesPerSecond, burstBytes, queueBytes }: TokenBucket,
): NetlinkRequest {
  const parameters = Buffer.alloc(TBF_PARMS_BYTES);
  parameters[1] = LINKLAYER_ETHERNET;
  writeU32(parameters, Math.min(bytesPerSecond, U32_MAX), 8);
  writeU32(parameters, queueBytes, 24);
  return {
    attempted: `limit what leaves through interface ${linkIndex}`,
    type: RTM_NEWQDISC,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    body: [
      tcmsg(linkIndex, OWN_HANDLE, TC_H_ROOT),
      textAttribute(TCA_KIND, 'tbf'),
      nestedAttribute(
        TCA_OPTIONS,
        bytesAttribute(TCA_TBF_PARMS, parameters),
        bytesAttribute(TCA_TBF_RATE64, new Uint8Array(BigUint64Array.of(BigInt(bytesPerSecond)).buffer)),
        u32Attribute(TCA_TBF_BURST, burstBytes),
      ),
    ],
  };
}

/** What comes in through the interface is not received but leaves through the other one, and comes back when that lets it go. */
export const redirectIngress = (linkIndex: number, throughIndex: number): readonly NetlinkRequest[] => [
  {
    attempted: `clear what interface ${linkIndex} does with what comes in`,
    type: RTM_DELQDISC,
    flags: 0,
    body: [tcmsg(linkIndex, INGRESS_HANDLE, TC_H_INGRESS)],
    tolerated: ['ENOENT', 'EINVAL'],
  },
  {
    attempted: `look at what comes in through interface ${linkIndex}`,
    type: RTM_NEWQDISC,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: [tcmsg(linkIndex, INGRESS_HANDLE, TC_H_INGRESS), textAttribute(TCA_KIND, 'ingress')],
  },
  {
    attempted: `redirect what comes in through interface ${linkIndex}`,
    type: RTM_NEWTFILTER,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    body: [
      filterHeader(linkIndex),
      textAttribute(TCA_KIND, 'u32'),
      nestedAttribute(
        TCA_OPTIONS,
        bytesAttribute(TCA_U32_SEL, everything()),
        nestedAttribute(TCA_U32_ACT, nestedAttribute(FIRST_ACTION, ...redirection(throughIndex))),
      ),
    ],
  },
];

/** Of the first filter, for all protocols: priority and protocol, that in network order, share the last word. */
function filterHeader(linkIndex: number): Buffer {
  const header = tcmsg(linkIndex, 0, INGRESS_HANDLE);
  const protocol = readU16(Buffer.of(0, ETH_P_ALL));
  writeU32(header, FIRST_PRIORITY * 2 ** 16 + protocol, 16);
  return header;
}

/** One key whose mask is empty. */
function everything(): Buffer {
  const selector = Buffer.alloc(U32_SELECTOR_BYTES + U32_KEY_BYTES);
  selector[0] = TC_U32_TERMINAL;
  selector[2] = 1;
  return selector;
}

function redirection(throughIndex: number): readonly Buffer[] {
  const parameters = Buffer.alloc(MIRRED_PARMS_BYTES);
  writeU32(parameters, TC_ACT_STOLEN, 8);
  writeU32(parameters, TCA_EGRESS_REDIR, 20);
  writeU32(parameters, throughIndex, 24);
  return [
    textAttribute(TCA_ACT_KIND, 'mirred'),
    nestedAttribute(TCA_ACT_OPTIONS, bytesAttribute(TCA_MIRRED_PARMS, parameters)),
  ];
}
