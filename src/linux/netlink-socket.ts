import type { Socket } from 'node:net';
import { EngineError, errnoError } from '#/base/errors.ts';
import { declareSyscall, errnoName, ownFd } from './ffi.ts';
import {
  decodeAck,
  decodeMessages,
  encodeRequests,
  type NetlinkAck,
  type NetlinkMessage,
  type NetlinkRequest,
  NLM_F_DUMP,
  NLMSG_DONE,
  NLMSG_ERROR,
  readU32,
  writeU16,
} from './netlink.ts';
import { adoptSocket } from './seqpacket.ts';
import {
  AF_NETLINK,
  bindSocket,
  openSocket,
  readSocketAddress,
  SOCK_RAW,
  SOL_SOCKET,
  setSocketOption,
  trySocketOption,
} from './socket.ts';

export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;
const SO_SNDBUFFORCE = 32;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const RECEIVE_BUFFER_BYTES = 65_536;
/** A limit, not a cost: transactions of thousands of elements are one datagram and have as many answers. */
const LARGE_BUFFER_BYTES = 8 << 20;
const SOCKADDR_NL_BYTES = 12;

const send = declareSyscall<[number, Uint8Array, number, number]>(
  'int64_t send(int fd, const void *bytes, size_t size, int flags)',
);
const receive = declareSyscall<[number, Uint8Array, number, number]>(
  'int64_t recv(int fd, void *bytes, size_t size, int flags)',
);

/**
 * A netlink socket. It belongs for good to the network namespace in which the thread stood when it was opened.
 * One batch at a time.
 */
export interface NetlinkSocket extends Disposable {
  /** The socket's address, by which the kernel names in its notices who made a change. */
  readonly portId: number;
  /**
   * Carries out the requests in order, off this thread since the kernel may have to wait for its routing lock. All are
   * tried; the first failure that is not tolerated is thrown.
   */
  batch(requests: readonly NetlinkRequest[]): Promise<void>;
  /** The same on this thread, for those that never wait long. */
  batchNow(requests: readonly NetlinkRequest[]): void;
  /** Everything that the kernel lists in answer. */
  dump(request: NetlinkRequest): readonly NetlinkMessage[];
}

/** `protocol` is rtnetlink unless said. */
export function openNetlink(protocol: number = NETLINK_ROUTE): NetlinkSocket {
  using owned = openSocket('open a netlink socket', AF_NETLINK, SOCK_RAW, protocol);
  for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
    trySocketOption(owned.fd, SOL_NETLINK, option, 1);
  }
  for (const option of [SO_SNDBUFFORCE, SO_RCVBUFFORCE]) {
    trySocketOption(owned.fd, SOL_SOCKET, option, LARGE_BUFFER_BYTES);
  }
  const portId = bindToFreePort(owned.fd);
  const fd = owned.release();
  let nextSequence = 1;
  const encode = (requests: readonly NetlinkRequest[]) => {
    const firstSequence = nextSequence;
    nextSequence += requests.length;
    return { firstSequence, datagram: encodeRequests(requests, firstSequence) };
  };
  return {
    portId,
    async batch(requests) {
      const { firstSequence, datagram } = encode(requests);
      await send.callAsync(attemptedBy(requests), fd, datagram, datagram.length, 0);
      judge(requests, readAcks(fd, requests, firstSequence));
    },
    batchNow(requests) {
      const { firstSequence, datagram } = encode(requests);
      send.call(attemptedBy(requests), fd, datagram, datagram.length, 0);
      judge(requests, readAcks(fd, requests, firstSequence));
    },
    dump(request) {
      const { firstSequence, datagram } = encode([{ ...request, flags: request.flags | NLM_F_DUMP }]);
      send.call(request.attempted, fd, datagram, datagram.length, 0);
      return readDump(fd, request, firstSequence);
    },
    [Symbol.dispose]: () => ownFd(fd)[Symbol.dispose](),
  };
}

function bindToFreePort(fd: number): number {
  const address = Buffer.alloc(SOCKADDR_NL_BYTES);
  writeU16(address, AF_NETLINK, 0);
  bindSocket('bind a netlink socket', fd, address);
  readSocketAddress('ask for the address of a netlink socket', fd, address);
  return readU32(address, 4);
}

/** What the kernel multicasts to a group, datagram by datagram. Closes by `destroy`; 'error' where something was missed. */
export function subscribeNetlink(protocol: number, group: number): Socket {
  using owned = openSocket('open a netlink socket', AF_NETLINK, SOCK_RAW, protocol);
  trySocketOption(owned.fd, SOL_SOCKET, SO_RCVBUFFORCE, LARGE_BUFFER_BYTES);
  bindToFreePort(owned.fd);
  setSocketOption(owned.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group);
  return adoptSocket(owned.release());
}

const attemptedBy = (requests: readonly NetlinkRequest[]): string => requests[0]?.attempted ?? 'send to netlink';

/** The kernel answers while it is sent to, so the acknowledgements are there and reading them never waits. */
function readAcks(fd: number, requests: readonly NetlinkRequest[], firstSequence: number): readonly NetlinkAck[] {
  const acks: NetlinkAck[] = [];
  const buffer = Buffer.allocUnsafe(RECEIVE_BUFFER_BYTES);
  let missing = requests.filter(({ silent }) => !silent).length;
  while (missing > 0) {
    const length = receive.call(attemptedBy(requests), fd, buffer, buffer.length, 0);
    for (const message of decodeMessages(buffer.subarray(0, length))) {
      const position = message.sequence - firstSequence;
      if (message.type !== NLMSG_ERROR || position < 0) continue;
      acks[position] = decodeAck(message);
      missing = requests[position]?.silent ? 0 : missing - 1;
    }
  }
  return acks;
}

function judge(requests: readonly NetlinkRequest[], acks: readonly NetlinkAck[]): void {
  for (const [position, request] of requests.entries()) {
    const ack = acks[position];
    if (ack === undefined || ack.errno === 0) continue;
    if (!request.tolerated?.includes(errnoName(ack.errno))) throw refusal(request, ack);
  }
}

function refusal({ attempted }: NetlinkRequest, { errno, explanation }: NetlinkAck): EngineError {
  const error = errnoError(attempted, errnoName(errno));
  if (explanation === undefined) return error;
  return new EngineError(error.kind, `${error.message} (${explanation})`, { errno: errnoName(errno) });
}

function readDump(fd: number, request: NetlinkRequest, sequence: number): readonly NetlinkMessage[] {
  const found: NetlinkMessage[] = [];
  for (;;) {
    const buffer = Buffer.allocUnsafe(RECEIVE_BUFFER_BYTES);
    const length = receive.call(request.attempted, fd, buffer, buffer.length, 0);
    for (const message of decodeMessages(buffer.subarray(0, length))) {
      if (message.sequence !== sequence) continue;
      if (message.type === NLMSG_DONE) return found;
      if (message.type === NLMSG_ERROR) {
        const ack = decodeAck(message);
        if (ack.errno !== 0) throw refusal(request, ack);
        return found;
      }
      found.push(message);
    }
  }
}
