/**
 * Messages of DNS (RFC 1035, RFC 6891) as far as a server of names and a forwarder need them: one question read, an answer
 * written behind it. Everything else passes through as bytes. Pure; no input makes it throw.
 */

const HEADER_BYTES = 12;
const MAX_NAME_BYTES = 255;
const MAX_LABEL_BYTES = 63;
const UDP_BYTES_DEFAULT = 512;
/** What fits into one packet on any path; loopback would take more, but clients that forward may not. */
const UDP_BYTES_OURS = 4096;
const OPT_BYTES = 11;
const RECORD_HEADER_BYTES = 12;
const POINTER_TO_QUESTION = 0xc00c;

const FLAG_RESPONSE = 0x8000;
const FLAG_TRUNCATED = 0x0200;
const FLAG_RECURSION_DESIRED = 0x0100;
const FLAG_RECURSION_AVAILABLE = 0x0080;
const OPCODE_MASK = 0x7800;

export const TYPE_A = 1;
export const TYPE_PTR = 12;
export const TYPE_AAAA = 28;
const TYPE_OPT = 41;
export const TYPE_ANY = 255;
export const CLASS_IN = 1;

export const NOERROR = 0;
export const FORMERR = 1;
export const SERVFAIL = 2;
export const NXDOMAIN = 3;
export const NOTIMP = 4;
export const REFUSED = 5;

export interface Question {
  /** Lower case, without the last dot; '' is the root. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

export interface Query {
  readonly question: Question;
  /** The whole message. */
  readonly message: Buffer;
  /** Where the question ends in it. */
  readonly questionEnd: number;
  /** The largest answer over udp that the client takes; undefined where it knows no EDNS. */
  readonly ednsUdpBytes: number | undefined;
}

export interface AnswerRecord {
  readonly type: number;
  readonly ttlSeconds: number;
  readonly data: Uint8Array;
}

/** `undefined` where nothing should be said: too short, or itself an answer. A Buffer is the refusal to send. */
export function parseQuery(message: Buffer): Query | Buffer | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  const flags = message.readUInt16BE(2);
  if (flags & FLAG_RESPONSE) return undefined;
  if (flags & OPCODE_MASK) return writeBareError(message, NOTIMP);
  if (message.readUInt16BE(4) !== 1 || message.readUInt16BE(6) !== 0) return writeBareError(message, FORMERR);
  const found = readName(message, HEADER_BYTES);
  if (found === undefined || found.end + 4 > message.length) return writeBareError(message, FORMERR);
  const { name, end } = found;
  const question = { name, type: message.readUInt16BE(end), class: message.readUInt16BE(end + 2) };
  const questionEnd = end + 4;
  return { question, message, questionEnd, ednsUdpBytes: readEdns(message, questionEnd) };
}

/** A name written out; those that point elsewhere have no business in a question. */
function readName(message: Buffer, start: number): { readonly name: string; readonly end: number } | undefined {
  let offset = start;
  let name = '';
  for (;;) {
    const length = message[offset];
    if (length === undefined || length > MAX_LABEL_BYTES) return undefined;
    const end = offset + 1 + length;
    if (end - start > MAX_NAME_BYTES || end > message.length) return undefined;
    if (length === 0) return { name, end };
    // A dot inside a label is not the dot between labels.
    const label = message
      .toString('latin1', offset + 1, end)
      .toLowerCase()
      .replaceAll('.', '\\.');
    name = name === '' ? label : `${name}.${label}`;
    offset = end;
  }
}

/** The OPT record, where it comes right behind the question, as all clients send it. */
function readEdns(message: Buffer, offset: number): number | undefined {
  if (message.readUInt16BE(8) !== 0 || offset + OPT_BYTES > message.length) return undefined;
  if (message[offset] !== 0 || message.readUInt16BE(offset + 1) !== TYPE_OPT) return undefined;
  return Math.max(UDP_BYTES_DEFAULT, message.readUInt16BE(offset + 3));
}

const answerFlags = (query: Buffer, rcode: number): number =>
  FLAG_RESPONSE | (query.readUInt16BE(2) & (OPCODE_MASK | FLAG_RECURSION_DESIRED)) | FLAG_RECURSION_AVAILABLE | rcode;

/** To what could not be understood: a header alone. */
function writeBareError(message: Buffer, rcode: number): Buffer {
  const answer = Buffer.alloc(HEADER_BYTES);
  message.copy(answer, 0, 0, 2);
  answer.writeUInt16BE(answerFlags(message, rcode), 2);
  return answer;
}

/**
 * The answer to the query; records that the client cannot take in one packet are left out, and it is told to ask again over
 * tcp. All records are about the question's name.
 */
export function writeAnswer(query: Query, rcode: number, records: readonly AnswerRecord[], maxBytes: number): Buffer {
  const { message, questionEnd, ednsUdpBytes } = query;
  const optBytes = ednsUdpBytes === undefined ? 0 : OPT_BYTES;
  let length = questionEnd;
  let count = 0;
  for (const { data } of records) {
    if (length + RECORD_HEADER_BYTES + data.length + optBytes > maxBytes) break;
    length += RECORD_HEADER_BYTES + data.length;
    count += 1;
  }
  const answer = Buffer.alloc(length + optBytes);
  message.copy(answer, 0, 0, questionEnd);
  answer.writeUInt16BE(answerFlags(message, rcode) | (count < records.length ? FLAG_TRUNCATED : 0), 2);
  answer.writeUInt16BE(count, 6);
  answer.writeUInt32BE(optBytes === 0 ? 0 : 1, 8);
  let offset = questionEnd;
  for (let i = 0; i < count; i++) offset = writeRecord(answer, offset, records[i]);
  if (optBytes > 0) {
    answer.writeUInt16BE(TYPE_OPT, offset + 1);
    answer.writeUInt16BE(UDP_BYTES_OURS, offset + 3);
  }
  return answer;
}

function writeRecord(target: Buffer, offset: number, record: AnswerRecord | undefined): number {
  if (record === undefined) return offset;
  target.writeUInt16BE(POINTER_TO_QUESTION, offset);
  target.writeUInt16BE(record.type, offset + 2);
  target.writeUInt16BE(CLASS_IN, offset + 4);
  target.writeUInt32BE(record.ttlSeconds, offset + 6);
  target.writeUInt16BE(record.data.length, offset + 10);
  target.set(record.data, offset + RECORD_HEADER_BYTES);
  return offset + RECORD_HEADER_BYTES + record.data.length;
}

/** How large an answer over udp may be. */
export const udpBytesOf = ({ ednsUdpBytes }: Query): number =>
  Math.min(ednsUdpBytes ?? UDP_BYTES_DEFAULT, UDP_BYTES_OURS);

/** A name as the data of a record; undefined where it cannot be one. */
export function encodeName(name: string): Buffer | undefined {
  const labels = name.split('.').map((label) => Buffer.from(label, 'utf8'));
  if (labels.some(({ length }) => length === 0 || length > MAX_LABEL_BYTES)) return undefined;
  const encoded = Buffer.concat([...labels.flatMap((label) => [Uint8Array.of(label.length), label]), Uint8Array.of(0)]);
  return encoded.length > MAX_NAME_BYTES ? undefined : encoded;
}

/** Whether `answer` is one to `question` (both with the same id, which is new for each forwarded query). */
export function answers(answer: Buffer, question: Buffer, questionEnd: number): boolean {
  if (answer.length < HEADER_BYTES || !(answer.readUInt16BE(2) & FLAG_RESPONSE)) return false;
  if (answer.readUInt16BE(0) !== question.readUInt16BE(0)) return false;
  // Servers that could not read the question may leave it out of their refusal.
  if (answer.readUInt16BE(4) === 0) return rcodeOf(answer) !== NOERROR && answer.length === HEADER_BYTES;
  if (answer.readUInt16BE(4) !== 1 || answer.length < questionEnd) return false;
  for (let i = HEADER_BYTES; i < questionEnd; i++) {
    if (lowerCase(answer[i]) !== lowerCase(question[i])) return false;
  }
  return true;
}

const lowerCase = (byte: number | undefined): number | undefined =>
  byte !== undefined && byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;

export const rcodeOf = (message: Buffer): number => (message[3] ?? 0) & 15;

/** The same message under another id. */
export function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}
