import { addressBytes, ipOfBytes, printIp } from '#/base/ip.ts';

/** Messages of DHCP, RFC 2131 and 2132, as bytes and back. Pure. */

const MESSAGE_TYPES = { discover: 1, offer: 2, request: 3, decline: 4, ack: 5, nak: 6, release: 7 } as const;
export type DhcpMessageType = keyof typeof MESSAGE_TYPES;

const BOOTREQUEST = 1;
const BOOTREPLY = 2;
const ETHERNET = 1;
const MAC_BYTES = 6;
const BROADCAST_FLAG = 0x8000;
const FIXED_BYTES = 236;
const COOKIE = Buffer.of(99, 130, 83, 99);
const OPTIONS_START = FIXED_BYTES + COOKIE.length;
/** Some relays drop what is shorter. */
const MESSAGE_BYTES_MIN = 300;

const OPTION = {
  pad: 0,
  subnetMask: 1,
  router: 3,
  hostName: 12,
  requestedAddress: 50,
  leaseTime: 51,
  messageType: 53,
  serverId: 54,
  wantedOptions: 55,
  renewalTime: 58,
  rebindingTime: 59,
  clientId: 61,
  end: 255,
} as const;
const WANTED = Buffer.of(OPTION.subnetMask, OPTION.router, OPTION.leaseTime, OPTION.renewalTime, OPTION.rebindingTime);

/** What a client says. Addresses are '' where they are not said. */
export interface DhcpRequest {
  readonly type: 'discover' | 'request' | 'release';
  readonly transactionId: number;
  readonly macAddress: string;
  /** At most 254 bytes: by this the server knows us again. */
  readonly clientId: string;
  /** The address that it has and uses already. */
  readonly clientAddress: string;
  readonly requestedAddress: string;
  readonly serverAddress: string;
}

/** What a server answers, as far as it says it. */
export interface DhcpReply {
  readonly type: DhcpMessageType;
  readonly transactionId: number;
  readonly macAddress: string;
  readonly address: string;
  readonly prefixLength: number | undefined;
  readonly gateway: string;
  readonly serverAddress: string;
  readonly leaseSec: number | undefined;
  readonly renewalSec: number | undefined;
  readonly rebindingSec: number | undefined;
}

const macBytes = (address: string): Buffer => Buffer.from(address.replaceAll(':', ''), 'hex');
const option = (code: number, value: Uint8Array): Buffer => Buffer.concat([Buffer.of(code, value.length), value]);
const addressOption = (code: number, address: string): readonly Buffer[] =>
  address === '' ? [] : [option(code, addressBytes(address))];

/** Asks for answers by broadcast as long as it has no address to which they could come. */
export function encodeDhcp(request: DhcpRequest): Buffer {
  const fixed = Buffer.alloc(FIXED_BYTES);
  fixed.set([BOOTREQUEST, ETHERNET, MAC_BYTES]);
  fixed.writeUInt32BE(request.transactionId, 4);
  if (request.clientAddress === '') fixed.writeUInt16BE(BROADCAST_FLAG, 10);
  else fixed.set(addressBytes(request.clientAddress), 12);
  fixed.set(macBytes(request.macAddress), 28);
  const message = Buffer.concat([
    fixed,
    COOKIE,
    option(OPTION.messageType, Buffer.of(MESSAGE_TYPES[request.type])),
    option(OPTION.clientId, Buffer.concat([Buffer.of(0), Buffer.from(request.clientId)])),
    ...addressOption(OPTION.requestedAddress, request.requestedAddress),
    ...addressOption(OPTION.serverId, request.serverAddress),
    ...(request.type === 'release' ? [] : [option(OPTION.wantedOptions, WANTED)]),
    Buffer.of(OPTION.end),
  ]);
  return Buffer.concat([message, Buffer.alloc(Math.max(0, MESSAGE_BYTES_MIN - message.length))]);
}

/** Undefined for what is not a well-formed answer of a server. */
export function decodeDhcp(message: Buffer): DhcpReply | undefined {
  if (message.length < OPTIONS_START || message[0] !== BOOTREPLY || message[2] !== MAC_BYTES) return undefined;
  if (!message.subarray(FIXED_BYTES, OPTIONS_START).equals(COOKIE)) return undefined;
  const options = decodeOptions(message.subarray(OPTIONS_START));
  const type = Object.entries(MESSAGE_TYPES).find(([, code]) => code === options.get(OPTION.messageType)?.[0])?.[0];
  if (type === undefined) return undefined;
  return {
    type: type as DhcpMessageType,
    transactionId: message.readUInt32BE(4),
    macAddress: [...message.subarray(28, 28 + MAC_BYTES)].map((byte) => byte.toString(16).padStart(2, '0')).join(':'),
    address: addressOf(message.subarray(16, 20)),
    prefixLength: prefixLengthOf(options.get(OPTION.subnetMask)),
    gateway: addressOf(options.get(OPTION.router)),
    serverAddress: addressOf(options.get(OPTION.serverId)),
    leaseSec: secondsOf(options.get(OPTION.leaseTime)),
    renewalSec: secondsOf(options.get(OPTION.renewalTime)),
    rebindingSec: secondsOf(options.get(OPTION.rebindingTime)),
  };
}

/** The first of each; what is cut off ends the list. */
function decodeOptions(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const options = new Map<number, Buffer>();
  let offset = 0;
  while (offset < bytes.length) {
    const code = bytes[offset++] ?? OPTION.end;
    if (code === OPTION.end) break;
    if (code === OPTION.pad) continue;
    const length = bytes[offset++] ?? 0;
    if (offset + length > bytes.length) break;
    if (!options.has(code)) options.set(code, bytes.subarray(offset, offset + length));
    offset += length;
  }
  return options;
}

/** The first of a list; '' for none. */
function addressOf(bytes: Buffer | undefined): string {
  const first = bytes?.subarray(0, 4);
  if (first === undefined || first.length < 4 || first.readUInt32BE() === 0) return '';
  return printIp(ipOfBytes(first));
}

const secondsOf = (bytes: Buffer | undefined): number | undefined =>
  bytes !== undefined && bytes.length === 4 ? bytes.readUInt32BE() : undefined;

function prefixLengthOf(mask: Buffer | undefined): number | undefined {
  const bits = secondsOf(mask)?.toString(2).padStart(32, '0');
  return bits !== undefined && /^1+0*$/.test(bits) ? bits.replace(/0+$/, '').length : undefined;
}
