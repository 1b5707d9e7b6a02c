import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Flag } from './flag.ts';
import { parseArgs } from './parse.ts';
import { checkInt } from './values.ts';

const FLAGS: readonly Flag[] = [
  { name: 'interactive', short: 'i', kind: 'bool', help: '' },
  { name: 'tty', short: 't', kind: 'bool', help: '' },
  { name: 'rm', kind: 'bool', help: '' },
  { name: 'env', short: 'e', kind: 'list', help: '' },
  { name: 'environ', kind: 'list', as: 'env', help: '' },
  { name: 'volume', short: 'v', kind: 'list', help: '' },
  { name: 'last', short: 'n', kind: 'value', help: '', check: checkInt },
];

const parse = (line: string, interspersed = true) => {
  const { flags, operands } = parseArgs(line.split(' '), FLAGS, { interspersed });
  const lists = { e: flags.list('env'), v: flags.list('volume') };
  const bools = [flags.bool('interactive'), flags.bool('tty'), flags.bool('rm')];
  return { bools, ...lists, n: flags.number('last'), operands };
};

test('clusters, attached values and equals signs are read as docker reads them', () => {
  assert.deepEqual(parse('-itv/a:/b -e A=1 -eB=2 --env=C=3 --env D img'), {
    bools: [true, true, false],
    e: ['A=1', 'B=2', 'C=3', 'D'],
    v: ['/a:/b'],
    n: undefined,
    operands: ['img'],
  });
  assert.deepEqual(parse('-itv /a -n=-1').v, ['/a']);
  assert.equal(parse('-n -1').n, -1);
});

test('a switch can be switched off', () => {
  assert.deepEqual(parse('--rm=false -t=0 -i=true').bools, [true, false, false]);
});

test('two spellings of one option keep the order of the command line', () => {
  assert.deepEqual(parse('-e A --environ B -e C').e, ['A', 'B', 'C']);
});

test('options end at the first operand where the command says so, and at --', () => {
  assert.deepEqual(parse('-i img -t -- x', false), {
    bools: [true, false, false],
    e: [],
    v: [],
    n: undefined,
    operands: ['img', '-t', '--', 'x'],
  });
  assert.deepEqual(parse('a -t -- -i').operands, ['a', '-i']);
});

const mistakes: readonly (readonly [string, string])[] = [
  ['--bogus', 'unknown flag: --bogus'],
  ['--bogus=1', 'unknown flag: --bogus'],
  ['-ix', "unknown shorthand flag: 'x' in -x"],
  ['--env', 'flag needs an argument: --env'],
  ['-ie', "flag needs an argument: 'e' in -e"],
  ['--rm=x', 'invalid argument "x" for "--rm" flag: strconv.ParseBool: parsing "x": invalid syntax'],
  ['-n x', 'invalid argument "x" for "-n, --last" flag: strconv.ParseInt: parsing "x": invalid syntax'],
  ['---x', 'bad flag syntax: ---x'],
];

for (const [line, message] of mistakes) {
  test(`${line} is refused in docker's words`, () => {
    assert.throws(() => parse(line), { message });
  });
}
