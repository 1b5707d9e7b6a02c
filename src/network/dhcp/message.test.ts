import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BROADCAST, decodeFrame, encodeFrame } from './frame.ts';
import { decodeDhcp, encodeDhcp } from './message.ts';

const macAddress = '02:00:00:00:00:09';
const question = {
  type: 'discover',
  transactionId: 0x12345678,
  macAddress,
  clientId: 'abc',
  clientAddress: '',
  requestedAddress: '',
  serverAddress: '',
} as const;

/** A server's answer, option by option. */
function reply(...options: readonly (readonly number[])[]): Buffer {
  const message = Buffer.alloc(240);
  message.set([2, 1, 6]);
  message.writeUInt32BE(7, 4);
  message.set([192, 0, 2, 50], 16);
  message.set([2, 0, 0, 0, 0, 9], 28);
  message.set([99, 130, 83, 99], 236);
  return Buffer.concat([message, Buffer.from(options.flat())]);
}

test('a question says who asks, and that the answer must be a broadcast as long as there is no address', () => {
  const message = encodeDhcp(question);
  assert.ok(message.length >= 300);
  assert.equal(message.readUInt16BE(10), 0x8000);
  assert.equal(message.subarray(28, 34).toString('hex'), '020000000009');
  assert.ok(message.includes(Buffer.of(53, 1, 1, 61, 4, 0, 97, 98, 99)));
  const renewal = encodeDhcp({ ...question, type: 'request', clientAddress: '192.0.2.50' });
  assert.equal(renewal.readUInt16BE(10), 0);
  assert.deepEqual([...renewal.subarray(12, 16)], [192, 0, 2, 50]);
});

test('an answer is read with what it says, and without what it does not', () => {
  const mask = [1, 4, 255, 255, 254, 0];
  const answer = reply(
    [53, 1, 5],
    mask,
    [3, 8, 192, 0, 2, 1, 192, 0, 2, 2],
    [54, 4, 192, 0, 2, 3],
    [51, 4, 0, 0, 1, 0],
    [255],
  );
  assert.deepEqual(decodeDhcp(answer), {
    type: 'ack',
    transactionId: 7,
    macAddress,
    address: '192.0.2.50',
    prefixLength: 23,
    gateway: '192.0.2.1',
    serverAddress: '192.0.2.3',
    leaseSec: 256,
    renewalSec: undefined,
    rebindingSec: undefined,
  });
});

test('hostile answers are no answers, and never fail', () => {
  assert.equal(decodeDhcp(Buffer.alloc(0)), undefined);
  assert.equal(decodeDhcp(reply()), undefined);
  assert.equal(decodeDhcp(reply([53, 1, 99])), undefined);
  assert.equal(decodeDhcp(encodeDhcp(question)), undefined);
  assert.equal(decodeDhcp(reply([53, 200, 5])), undefined);
  assert.equal(decodeDhcp(reply([53, 1, 5, 3, 2, 1, 1, 51, 1, 9, 1, 4, 255, 0, 255, 0, 54]))?.prefixLength, undefined);
  const whole = reply([53, 1, 5], [51, 4, 0, 0, 1, 0], [255]);
  for (let length = 0; length < whole.length; length++) decodeDhcp(whole.subarray(0, length));
});

test('frames carry datagrams to a server, and only those from a server are heard', () => {
  const frame = encodeFrame({ macAddress, address: '0.0.0.0' }, BROADCAST, Buffer.from('hello'));
  assert.equal(frame.subarray(0, 14).toString('hex'), 'ffffffffffff0200000000090800');
  // The checksum over a header with its checksum in it is 0.
  let sum = 0;
  for (let i = 14; i < 34; i += 2) sum += frame.readUInt16BE(i);
  assert.equal((sum & 0xffff) + (sum >>> 16), 0xffff);
  assert.equal(decodeFrame(frame), undefined);
  frame.writeUInt16BE(67, 34);
  frame.writeUInt16BE(68, 36);
  assert.equal(String(decodeFrame(frame)?.datagram), 'hello');
  assert.equal(decodeFrame(frame)?.sourceMac, macAddress);
  frame[14] = 0x4f;
  assert.equal(decodeFrame(frame), undefined);
  for (let length = 0; length < frame.length; length++) decodeFrame(frame.subarray(0, length));
});
