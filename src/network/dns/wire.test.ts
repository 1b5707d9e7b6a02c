import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLongRun, seededRandom } from '../../../tests/support/random.ts';
import { encodeQuery } from './testing/query.ts';
import {
  answers,
  encodeName,
  NOERROR,
  parseQuery,
  type Query,
  rcodeOf,
  TYPE_A,
  udpBytesOf,
  withId,
  writeAnswer,
} from './wire.ts';

function parsed(message: Buffer): Query {
  const query = parseQuery(message);
  assert.ok(query !== undefined && !Buffer.isBuffer(query));
  return query;
}

const records = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ type: TYPE_A, ttlSeconds: 10, data: Buffer.of(10, 0, 0, i) }));

test('a question is read in lower case and answered in the letters in which it came', () => {
  const query = parsed(encodeQuery('Db.Net', TYPE_A));
  assert.deepEqual(query.question, { name: 'db.net', type: TYPE_A, class: 1 });
  const answer = writeAnswer(query, NOERROR, records(1), 512);
  assert.ok(answer.includes('Db'));
  assert.equal(answer.readUInt16BE(0), 7);
  assert.equal(answer.readUInt16BE(2), 0x8180);
  assert.deepEqual(answer.subarray(-4), Buffer.of(10, 0, 0, 0));
  assert.ok(answers(answer, query.message, query.questionEnd));
});

test('an answer that does not fit is cut at a record and says so', () => {
  const query = parsed(encodeQuery('db', TYPE_A));
  const cut = writeAnswer(query, NOERROR, records(100), udpBytesOf(query));
  assert.ok(cut.length <= 512 && cut.length > 480);
  assert.equal(cut.readUInt16BE(2) & 0x0200, 0x0200);
  assert.equal(cut.length, query.questionEnd + cut.readUInt16BE(6) * 16);
  const large = parsed(encodeQuery('db', TYPE_A, { edns: 4096 }));
  const whole = writeAnswer(large, NOERROR, records(100), udpBytesOf(large));
  assert.equal(whole.readUInt16BE(6), 100);
  assert.equal(whole.readUInt16BE(2) & 0x0200, 0);
  assert.equal(whole.readUInt16BE(10), 1, 'with an OPT record of its own');
});

test('what is no question is refused or passed over', () => {
  const good = encodeQuery('db', TYPE_A);
  const changed = (at: number, value: number) => {
    const copy = Buffer.from(good);
    copy[at] = value;
    return parseQuery(copy);
  };
  const code = (refusal: Query | Buffer | undefined) => (Buffer.isBuffer(refusal) ? rcodeOf(refusal) : undefined);
  assert.equal(parseQuery(good.subarray(0, 11)), undefined);
  assert.equal(changed(2, 0x80), undefined, 'an answer');
  assert.equal(code(changed(2, 0x28)), 4, 'an update');
  assert.equal(code(changed(5, 2)), 1, 'two questions');
  assert.equal(code(changed(5, 0)), 1, 'none');
  assert.equal(code(changed(12, 0xc0)), 1, 'a pointer, here to itself');
  assert.equal(code(changed(12, 63)), 1, 'a label beyond the end');
  assert.equal(code(parseQuery(good.subarray(0, -1))), 1);
  assert.equal(code(parseQuery(encodeQuery(Array(130).fill('a').join('.'), TYPE_A))), 1, 'a name of 261 bytes');
});

test('a dot inside a label is not one between labels', () => {
  const message = encodeQuery('ab', TYPE_A);
  message.write('.', 14, 'latin1');
  assert.equal(parsed(message).question.name, 'a\\.');
});

test('only what answers the very question is taken for an answer', () => {
  const { message, questionEnd } = parsed(encodeQuery('db', TYPE_A));
  const answer = writeAnswer(parsed(message), NOERROR, records(1), 512);
  assert.ok(answers(answer, message, questionEnd));
  assert.equal(answers(withId(answer, 8), message, questionEnd), false);
  assert.equal(answers(message, message, questionEnd), false, 'a question');
  const other = parsed(encodeQuery('dc', TYPE_A));
  assert.equal(answers(writeAnswer(other, NOERROR, [], 512), message, questionEnd), false);
  assert.equal(answers(answer.subarray(0, 12), message, questionEnd), false);
  assert.equal(answers(Buffer.alloc(0), message, questionEnd), false);
});

test('names that cannot be written are none', () => {
  assert.deepEqual(encodeName('a.bc'), Buffer.from('\x01a\x02bc\0', 'latin1'));
  for (const name of ['', 'a..b', 'x'.repeat(64), Array(130).fill('a').join('.')])
    assert.equal(encodeName(name), undefined);
});

test('a hundred thousand damaged messages hurt nobody', () => {
  const random = seededRandom();
  const seeds = [
    encodeQuery('web.shop', 1),
    encodeQuery('db', 28, { edns: 1232 }),
    encodeQuery('1.0.0.10.in-addr.arpa', 12),
  ];
  for (let i = 0; i < (isLongRun ? 1_000_000 : 100_000); i++) {
    const message = Buffer.from(random.pick(seeds)).subarray(0, random.below(8) === 0 ? random.below(40) : undefined);
    for (let change = random.below(6); change > 0; change--) message[random.below(message.length)] = random.below(256);
    const query = parseQuery(message);
    if (query === undefined || Buffer.isBuffer(query)) continue;
    assert.ok(query.questionEnd <= message.length && query.question.name.length <= 4 * 255);
    const answer = writeAnswer(query, NOERROR, records(3), udpBytesOf(query));
    assert.ok(answer.length >= query.questionEnd);
    answers(message, answer, query.questionEnd);
  }
});
