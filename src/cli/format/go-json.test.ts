import assert from 'node:assert/strict';
import { test } from 'node:test';
import { indentJson, printEscapedJson, unescapeJson } from './go-json.ts';

test('indenting keeps the order of keys and every digit', () => {
  const text = '{"b":[1,{}],"2":9223372036854775807,"a":[],"s":"x{,}\\"y"}';
  const expected = '{\n  "b": [\n    1,\n    {}\n  ],\n  "2": 9223372036854775807,\n  "a": [],\n  "s": "x{,}\\"y"\n}';
  assert.equal(indentJson(text, '  '), expected);
});

test('angle brackets are escaped as Go does', () => {
  assert.equal(printEscapedJson({ a: '<b>&' }), '{"a":"\\u003cb\\u003e\\u0026"}');
});

test('unescaping leaves what looks like an escape behind a backslash', () => {
  assert.equal(unescapeJson('"\\u003cx\\\\u003c\\n"'), '"<x\\\\u003c\\n"');
});
