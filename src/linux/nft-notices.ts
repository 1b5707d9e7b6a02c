import { decodeAttributes, decodeMessages, decodeText, type NetlinkMessage } from './netlink.ts';
import { NETLINK_NETFILTER, subscribeNetlink } from './netlink-socket.ts';
import { NFNL_SUBSYS_NFTABLES, NFTA_TABLE, type NftFamily, nftFamilyOf } from './nfnetlink.ts';

const NFNLGRP_NFTABLES = 7;
const NFT_MSG_NEWGEN = 15;
const NFGENMSG_BYTES = 4;

/** That something in a table was added or removed. */
export interface NftNotice {
  /** The address of the netlink socket that did it. */
  readonly portId: number;
  /** Undefined for families that nobody here uses. */
  readonly family: NftFamily | undefined;
  readonly table: string;
}

export interface NftWatch extends Disposable {}

/**
 * Tells of every change to nftables in the namespace in which the thread stands, whoever makes it. `onLost` is called once,
 * where there were more notices than the socket could hold; the watch is over then. Does not keep the process alive.
 */
export function watchNftables(onNotice: (notice: NftNotice) => void, onLost: () => void): NftWatch {
  const socket = subscribeNetlink(NETLINK_NETFILTER, NFNLGRP_NFTABLES);
  socket.on('data', (datagram: Buffer) => {
    for (const message of decodeMessages(datagram)) {
      const notice = decodeNotice(message);
      if (notice !== undefined) onNotice(notice);
    }
  });
  socket.on('error', onLost);
  socket.unref();
  return { [Symbol.dispose]: () => socket.destroy() };
}

function decodeNotice({ type, portId, payload }: NetlinkMessage): NftNotice | undefined {
  if (type >> 8 !== NFNL_SUBSYS_NFTABLES || (type & 255) === NFT_MSG_NEWGEN) return undefined;
  const table = decodeAttributes(payload.subarray(NFGENMSG_BYTES)).get(NFTA_TABLE);
  return { portId, family: nftFamilyOf(payload[0] ?? 0), table: table ? decodeText(table) : '' };
}
