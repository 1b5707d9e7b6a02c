import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame, frameReader } from './frames.ts';

test('messages come out whole and in order, however the stream was cut', () => {
  const messages = ['a', '', 'bcd'.repeat(100), 'e'].map((text) => Buffer.from(text));
  const stream = Buffer.concat(messages.map(frame));
  for (const step of [1, 2, 3, 7, 100, stream.length]) {
    const read: Buffer[] = [];
    const push = frameReader((message) => read.push(message));
    for (let at = 0; at < stream.length; at += step) push(stream.subarray(at, at + step));
    assert.deepEqual(read, messages);
  }
});
