import assert from 'node:assert/strict';
import test from 'node:test';
import { createVeth } from './link.ts';
import {
  decodeAck,
  decodeAttributes,
  decodeMessages,
  decodeText,
  encodeRequests,
  nestedAttribute,
  readU32,
  textAttribute,
  u32Attribute,
  writeU32,
} from './netlink.ts';

test('a batch decodes to the requests that it was made of, numbered in order', () => {
  const peer = { netnsFd: 7, name: 'eth0', macAddress: '02:42:ac:11:00:02' };
  const veth = createVeth({ name: 'gv0123456789a', masterIndex: 3, mtu: 1500, peer });
  const [first, second, ...rest] = decodeMessages(encodeRequests([veth, veth], 41));
  assert.deepEqual([first?.sequence, second?.sequence, rest.length], [41, 42, 0]);
  const attributes = decodeAttributes(first?.payload.subarray(16) ?? Buffer.alloc(0));
  assert.equal(decodeText(attributes.get(3) ?? Buffer.alloc(0)), 'gv0123456789a');
  assert.equal(readU32(attributes.get(10) ?? Buffer.alloc(0)), 3);
});

test('attributes are padded to four bytes and nested ones are found again', () => {
  const inner = decodeAttributes(
    decodeAttributes(nestedAttribute(18, textAttribute(1, 'bridge'), u32Attribute(2, 9))).get(18) ?? Buffer.alloc(0),
  );
  assert.equal(decodeText(inner.get(1) ?? Buffer.alloc(0)), 'bridge');
  assert.equal(readU32(inner.get(2) ?? Buffer.alloc(0)), 9);
});

test('truncated and lying lengths end the list instead of reading past it', () => {
  const whole = encodeRequests([{ attempted: 'x', type: 16, flags: 0, body: [u32Attribute(4, 1500)] }], 1);
  assert.equal(decodeMessages(whole.subarray(0, whole.length - 1)).length, 0);
  assert.equal(decodeMessages(whole.subarray(0, 10)).length, 0);
  assert.equal(decodeAttributes(Buffer.from([255, 0, 1, 0, 1, 2])).size, 0);
  assert.equal(decodeAttributes(Buffer.from([0, 0, 0, 0])).size, 0);
});

test('an acknowledgement tells the errno and what the kernel explains', () => {
  const payload = Buffer.concat([Buffer.alloc(20), textAttribute(1, 'Device not found')]);
  writeU32(payload, -19, 0);
  const message = { type: 2, flags: 0x300, sequence: 1, portId: 0, payload };
  assert.deepEqual(decodeAck(message), { errno: 19, explanation: 'Device not found' });
  assert.deepEqual(decodeAck({ ...message, flags: 0, payload: Buffer.alloc(20) }), {
    errno: 0,
    explanation: undefined,
  });
});
