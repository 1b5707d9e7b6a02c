import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { frame, frameReader } from '../frames.ts';
import { NOERROR, parseQuery, type Query, SERVFAIL, TYPE_A, udpBytesOf, withId, writeAnswer } from '../wire.ts';

/**
 * A resolver at `ADDRESS`, port 53, for the kernel tests: every name is 192.0.2.TAG, but `many.*` has a hundred addresses, nobody
 * answers about `silent.*`, `fail.*` is SERVFAIL, `edns.*` is 192.0.2.1 only for who sends EDNS, `port.*` tells the port from
 * which it was asked, and before the truth about `forged.*` come forgeries. Says "ready" when it is.
 */
const [address = '', tag = ''] = process.argv.slice(2);
const record = (...octets: number[]) => ({ type: TYPE_A, ttlSeconds: 60, data: Buffer.from(octets) });
const own = record(192, 0, 2, Number(tag));

function answersTo(query: Query, maxBytes: number, port: number): readonly Buffer[] {
  const answer = (...records: (typeof own)[]) => writeAnswer(query, NOERROR, records, maxBytes);
  switch (query.question.name.split('.')[0]) {
    case 'silent':
      return [];
    case 'fail':
      return [writeAnswer(query, SERVFAIL, [], maxBytes)];
    case 'many':
      return [answer(...Array.from({ length: 100 }, (_, i) => record(192, 0, 3, i)))];
    case 'edns':
      return [answer(record(192, 0, 2, query.ednsUdpBytes === undefined ? 0 : 1))];
    case 'port':
      return [answer(record(10, 0, port >> 8, port & 255))];
    case 'forged': {
      const lie = answer(record(6, 6, 6, 6));
      const id = query.message.readUInt16BE(0);
      const aboutAnother = Buffer.from(lie);
      aboutAnother[13] = 0x78;
      return [withId(lie, id ^ 1), aboutAnother, lie.subarray(0, 11), query.message, answer(own)];
    }
    default:
      return [answer(own)];
  }
}

const udp = createSocket('udp4', (message, { port, address: client }) => {
  const query = parseQuery(message);
  if (query === undefined || Buffer.isBuffer(query)) return;
  for (const answer of answersTo(query, udpBytesOf(query), port)) udp.send(answer, port, client);
});
const tcp = createServer((socket) => {
  const read = frameReader((message) => {
    const query = parseQuery(message);
    if (query === undefined || Buffer.isBuffer(query)) return;
    for (const answer of answersTo(query, 65_535, socket.remotePort ?? 0)) socket.write(frame(answer));
  });
  socket.on('data', read).on('error', () => {});
});
udp.bind(53, address, () => tcp.listen(53, address, () => process.stdout.write('ready\n')));
