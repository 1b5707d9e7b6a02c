import { endianness } from 'node:os';

/** Messages of netlink as bytes, and back: https://docs.kernel.org/userspace-api/netlink/intro.html. Pure. */

const HEADER_BYTES = 16;
const ATTRIBUTE_HEADER_BYTES = 4;
const NESTED = 0x8000;
const TYPE_MASK = 0x3fff;
const little = endianness() === 'LE';

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
const NLM_F_CAPPED = 0x100;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

/** One request to the kernel, without its sequence number, which the socket gives. */
export interface NetlinkRequest {
  /** What is being done, for the error's message: `create the bridge gantry0`. */
  readonly attempted: string;
  readonly type: number;
  /** Beside NLM_F_REQUEST and NLM_F_ACK. */
  readonly flags: number;
  /** The fixed header of the family, then attributes. */
  readonly body: readonly Uint8Array[];
  /** Failures that mean that it is done already. */
  readonly tolerated?: readonly string[];
  /** Not acknowledged: the kernel answers only if it fails, and then to nothing that follows. */
  readonly silent?: boolean;
}

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** In answers the asking socket's address, in notices that of whoever made the change. */
  readonly portId: number;
  readonly payload: Buffer;
}

export interface NetlinkAck {
  /** 0 for success, else the positive errno. */
  readonly errno: number;
  /** What the kernel says beyond the errno. */
  readonly explanation: string | undefined;
}

const padded = (length: number): number => (length + 3) & ~3;

export function writeU16(target: Buffer, value: number, offset: number): void {
  if (little) target.writeUInt16LE(value, offset);
  else target.writeUInt16BE(value, offset);
}

export function writeU32(target: Buffer, value: number, offset: number): void {
  if (little) target.writeUInt32LE(value >>> 0, offset);
  else target.writeUInt32BE(value >>> 0, offset);
}

export const readU16 = (source: Buffer, offset = 0): number =>
  little ? source.readUInt16LE(offset) : source.readUInt16BE(offset);

export const readU32 = (source: Buffer, offset = 0): number =>
  little ? source.readUInt32LE(offset) : source.readUInt32BE(offset);

const readS32 = (source: Buffer, offset = 0): number =>
  little ? source.readInt32LE(offset) : source.readInt32BE(offset);

export function bytesAttribute(type: number, value: Uint8Array): Buffer {
  const attribute = Buffer.alloc(padded(ATTRIBUTE_HEADER_BYTES + value.length));
  writeU16(attribute, ATTRIBUTE_HEADER_BYTES + value.length, 0);
  writeU16(attribute, type, 2);
  attribute.set(value, ATTRIBUTE_HEADER_BYTES);
  return attribute;
}

export const u8Attribute = (type: number, value: number): Buffer => bytesAttribute(type, Uint8Array.of(value));

export function u32Attribute(type: number, value: number): Buffer {
  const bytes = Buffer.alloc(4);
  writeU32(bytes, value, 0);
  return bytesAttribute(type, bytes);
}

export const textAttribute = (type: number, value: string): Buffer => bytesAttribute(type, Buffer.from(`${value}\0`));

export const nestedAttribute = (type: number, ...parts: readonly Uint8Array[]): Buffer =>
  bytesAttribute(type | NESTED, Buffer.concat(parts));

/** One datagram with all requests, acknowledged one by one unless silent, numbered from `firstSequence` on. */
export function encodeRequests(requests: readonly NetlinkRequest[], firstSequence: number): Buffer {
  return Buffer.concat(
    requests.flatMap(({ type, flags, body, silent }, position) => {
      const header = Buffer.alloc(HEADER_BYTES);
      writeU32(
        header,
        body.reduce((sum, part) => sum + part.length, HEADER_BYTES),
        0,
      );
      writeU16(header, type, 4);
      writeU16(header, flags | NLM_F_REQUEST | (silent ? 0 : NLM_F_ACK), 6);
      writeU32(header, firstSequence + position, 8);
      return [header, ...body];
    }),
  );
}

/** All messages of one datagram; what does not parse ends the list. */
export function decodeMessages(datagram: Buffer): readonly NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  let offset = 0;
  while (offset + HEADER_BYTES <= datagram.length) {
    const length = readU32(datagram, offset);
    if (length < HEADER_BYTES || offset + length > datagram.length) break;
    messages.push({
      type: readU16(datagram, offset + 4),
      flags: readU16(datagram, offset + 6),
      sequence: readU32(datagram, offset + 8),
      portId: readU32(datagram, offset + 12),
      payload: datagram.subarray(offset + HEADER_BYTES, offset + length),
    });
    offset += padded(length);
  }
  return messages;
}

/** Attributes by type, flags taken off; of several with one type the last. */
export const decodeAttributes = (bytes: Buffer): ReadonlyMap<number, Buffer> => new Map(attributesIn(bytes));

/** The contents of attributes that are a list, in their order. */
export const decodeAttributeList = (bytes: Buffer): readonly Buffer[] => attributesIn(bytes).map(([, value]) => value);

function attributesIn(bytes: Buffer): ReadonlyArray<readonly [type: number, value: Buffer]> {
  const attributes: Array<readonly [number, Buffer]> = [];
  let offset = 0;
  while (offset + ATTRIBUTE_HEADER_BYTES <= bytes.length) {
    const length = readU16(bytes, offset);
    if (length < ATTRIBUTE_HEADER_BYTES || offset + length > bytes.length) break;
    attributes.push([
      readU16(bytes, offset + 2) & TYPE_MASK,
      bytes.subarray(offset + ATTRIBUTE_HEADER_BYTES, offset + length),
    ]);
    offset += padded(length);
  }
  return attributes;
}

export const decodeText = (value: Buffer): string => value.toString('utf8').replace(/\0.*$/s, '');

/** The content of an NLMSG_ERROR, which is an acknowledgement too. */
export function decodeAck({ flags, payload }: NetlinkMessage): NetlinkAck {
  const errno = Math.abs(readS32(payload));
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, explanation: undefined };
  const echoedBytes = flags & NLM_F_CAPPED ? HEADER_BYTES : padded(readU32(payload, 4));
  const explanation = decodeAttributes(payload.subarray(4 + echoedBytes)).get(NLMSGERR_ATTR_MSG);
  return { errno, explanation: explanation && decodeText(explanation) };
}
