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
} from './netlink.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
const ENABLED = Buffer.from(Uint32Array.of(1).buffer);
const RECEIVE_BUFFER_BYTES = 65_536;

const socket = declareSyscall<[number, number, number]>('int socket(int domain, int type, int protocol)');
const setsockopt = declareSyscall<[number, number, number, Uint8Array, number]>(
  'int setsockopt(int fd, int level, int option, const void *value, uint32_t size)',
);
const send = declareSyscall<[number, Uint8Array, number, number]>(
  'int64_t send(int fd, const void *bytes, size_t size, int flags)',
);
const receive = declareSyscall<[number, Uint8Array, number, number]>(
  'int64_t recv(int fd, void *bytes, size_t size, int flags)',
);

/**
 * An rtnetlink socket. It belongs for good to the network namespace in which the thread stood when it was opened.
 * One batch at a time.
 */
export interface NetlinkSocket extends Disposable {
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

export function openNetlink(): NetlinkSocket {
  using owned = ownFd(socket.call('open a netlink socket', AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
    setsockopt.attempt(owned.fd, SOL_NETLINK, option, ENABLED, ENABLED.length);
  }
  const fd = owned.release();
  let nextSequence = 1;
  const encode = (requests: readonly NetlinkRequest[]) => {
    const firstSequence = nextSequence;
    nextSequence += requests.length;
    return { firstSequence, datagram: encodeRequests(requests, firstSequence) };
  };
  return {
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

const attemptedBy = (requests: readonly NetlinkRequest[]): string => requests[0]?.attempted ?? 'send to netlink';

/** The kernel answers while it is sent to, so the acknowledgements are there and reading them never waits. */
function readAcks(fd: number, requests: readonly NetlinkRequest[], firstSequence: number): readonly NetlinkAck[] {
  const acks: NetlinkAck[] = [];
  const buffer = Buffer.allocUnsafe(RECEIVE_BUFFER_BYTES);
  while (acks.filter(Boolean).length < requests.length) {
    const length = receive.call(attemptedBy(requests), fd, buffer, buffer.length, 0);
    for (const message of decodeMessages(buffer.subarray(0, length))) {
      if (message.type === NLMSG_ERROR) acks[message.sequence - firstSequence] = decodeAck(message);
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
