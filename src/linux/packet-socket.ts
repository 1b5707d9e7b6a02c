import type { Socket } from 'node:net';
import { EngineError } from '#/base/errors.ts';
import { addressOf, ownFd } from './ffi.ts';
import { writeU16, writeU32 } from './netlink.ts';
import { findLinkIndex, insideNetns } from './netns.ts';
import { adoptSocket } from './seqpacket.ts';
import { AF_PACKET, bindSocket, openSocket, SOCK_NONBLOCK, SOCK_RAW, SOL_SOCKET, setSocketOption } from './socket.ts';

const ETH_P_IP = 0x0800;
const SOCKADDR_LL_BYTES = 20;
const IPPROTO_UDP = 17;
const FRAGMENT_OFFSET = 0x1fff;
const SO_ATTACH_FILTER = 26;
const INSTRUCTION_BYTES = 8;
/** On machines of 64 bits: the number of instructions, and where they are. */
const SOCK_FPROG_BYTES = 16;

/**
 * The Ethernet frames with UDP over IPv4 for a port that come to an interface of the namespace at `path`, one in each 'data'
 * event; what is written to it, one at a time, leaves as a frame. Works before the interface has an address: packet(7). All
 * other frames are passed over by the kernel, so that nobody can keep us busy with them.
 */
export function openPacketSocket(path: string, interfaceName: string, udpPort: number): Socket {
  const attempted = `listen to ${interfaceName} of ${path}`;
  // Protocol 0 hears nothing until it is bound to the one interface.
  using fd = ownFd(
    insideNetns(path, () => {
      const index = findLinkIndex(interfaceName);
      if (index === undefined) throw new EngineError('not-found', `${attempted}: there is no such interface`);
      using opened = openSocket(attempted, AF_PACKET, SOCK_RAW | SOCK_NONBLOCK);
      attachFilter(opened.fd, udpFilter(udpPort));
      bindSocket(attempted, opened.fd, linkAddress(index));
      return opened.release();
    }),
  );
  return adoptSocket(fd.release());
}

function linkAddress(index: number): Buffer {
  const address = Buffer.alloc(SOCKADDR_LL_BYTES);
  writeU16(address, AF_PACKET, 0);
  address.writeUInt16BE(ETH_P_IP, 2);
  writeU32(address, index, 4);
  return address;
}

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, operand: number];

const LOAD_BYTE = 0x30;
const LOAD_HALF = 0x28;
const LOAD_HALF_BEYOND_HEADER = 0x48;
const LOAD_IP_HEADER_BYTES = 0xb1;
const IF_EQUAL = 0x15;
const IF_ANY_BIT = 0x45;
const RETURN = 0x06;
const WHOLE_FRAME = 0x40000;

/** Classic BPF (linux/filter.h): jumps count the instructions that they skip, here to the last one. */
const udpFilter = (port: number): readonly Instruction[] => [
  [LOAD_HALF, 0, 0, 12],
  [IF_EQUAL, 0, 8, ETH_P_IP],
  [LOAD_BYTE, 0, 0, 23],
  [IF_EQUAL, 0, 6, IPPROTO_UDP],
  [LOAD_HALF, 0, 0, 20],
  [IF_ANY_BIT, 4, 0, FRAGMENT_OFFSET],
  [LOAD_IP_HEADER_BYTES, 0, 0, 14],
  [LOAD_HALF_BEYOND_HEADER, 0, 0, 16],
  [IF_EQUAL, 0, 1, port],
  [RETURN, 0, 0, WHOLE_FRAME],
  [RETURN, 0, 0, 0],
];

function attachFilter(fd: number, instructions: readonly Instruction[]): void {
  const program = Buffer.alloc(instructions.length * INSTRUCTION_BYTES);
  for (const [position, [code, ifTrue, ifFalse, operand]] of instructions.entries()) {
    const offset = position * INSTRUCTION_BYTES;
    writeU16(program, code, offset);
    program[offset + 2] = ifTrue;
    program[offset + 3] = ifFalse;
    writeU32(program, operand, offset + 4);
  }
  const header = Buffer.alloc(SOCK_FPROG_BYTES);
  writeU16(header, instructions.length, 0);
  header.set(new Uint8Array(BigUint64Array.of(addressOf(program)).buffer), 8);
  setSocketOption(fd, SOL_SOCKET, SO_ATTACH_FILTER, header);
}
