import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '#/base/errors.ts';
import { parseReference, printFamiliar, printFull, withDefaultTag } from './reference.ts';

const HEX = 'a'.repeat(64);

const VALID: ReadonlyArray<readonly [text: string, full: string, familiar: string]> = [
  ['busybox', 'docker.io/library/busybox', 'busybox'],
  ['busybox:1.36', 'docker.io/library/busybox:1.36', 'busybox:1.36'],
  ['docker.io/busybox', 'docker.io/library/busybox', 'busybox'],
  ['index.docker.io/busybox', 'docker.io/library/busybox', 'busybox'],
  ['docker.io/library/busybox:latest', 'docker.io/library/busybox:latest', 'busybox:latest'],
  ['library/busybox', 'docker.io/library/busybox', 'busybox'],
  ['library/a/b', 'docker.io/library/a/b', 'library/a/b'],
  ['user/app', 'docker.io/user/app', 'user/app'],
  ['localhost/app', 'localhost/app', 'localhost/app'],
  ['docker.io/localhost/app', 'docker.io/localhost/app', 'docker.io/localhost/app'],
  ['docker.io/a.b/app', 'docker.io/a.b/app', 'docker.io/a.b/app'],
  ['localhost:5000/app:v1', 'localhost:5000/app:v1', 'localhost:5000/app:v1'],
  ['gantry.local/debian:trixie', 'gantry.local/debian:trixie', 'gantry.local/debian:trixie'],
  ['127.0.0.1:80/a/b/c', '127.0.0.1:80/a/b/c', '127.0.0.1:80/a/b/c'],
  ['[::1]:5000/app', '[::1]:5000/app', '[::1]:5000/app'],
  ['Registry/app', 'Registry/app', 'Registry/app'],
  ['EXAMPLE.com/app', 'EXAMPLE.com/app', 'EXAMPLE.com/app'],
  [`app@sha256:${HEX}`, `docker.io/library/app@sha256:${HEX}`, `app@sha256:${HEX}`],
  [`x.io/app:t@sha256:${HEX}`, `x.io/app:t@sha256:${HEX}`, `x.io/app:t@sha256:${HEX}`],
  ['a__b/c---d', 'docker.io/a__b/c---d', 'a__b/c---d'],
  [`app:${'t'.repeat(128)}`, `docker.io/library/app:${'t'.repeat(128)}`, `app:${'t'.repeat(128)}`],
  [`x.io/${'p'.repeat(255)}`, `x.io/${'p'.repeat(255)}`, `x.io/${'p'.repeat(255)}`],
  ['foo:5000', 'docker.io/library/foo:5000', 'foo:5000'],
];

const FORMAT = 'invalid reference format';
const INVALID: ReadonlyArray<readonly [text: string, message: string]> = [
  ['', FORMAT],
  ['Foo', `${FORMAT}: repository name (library/Foo) must be lowercase`],
  ['user/Foo:tag', `${FORMAT}: repository name (user/Foo) must be lowercase`],
  [HEX, `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`],
  ['a b', FORMAT],
  ['a/', FORMAT],
  ['/a', FORMAT],
  ['a//b', FORMAT],
  ['-a', FORMAT],
  ['a-', FORMAT],
  ['a..b', FORMAT],
  ['a___b', FORMAT],
  ['../etc/passwd', FORMAT],
  ['app:', FORMAT],
  ['app:.dot', FORMAT],
  ['app:tag\n', FORMAT],
  [`app:${'t'.repeat(129)}`, FORMAT],
  ['app@sha256:abc', FORMAT],
  [`app@sha256:${'a'.repeat(40)}`, 'invalid checksum digest length'],
  [`app@sha256:${'A'.repeat(64)}`, 'invalid checksum digest format'],
  [`app@sha512:${'a'.repeat(128)}`, 'unsupported digest algorithm: sha512 (sha256 expected)'],
  ['http://x.io/app', FORMAT],
  [`x.io/${'p'.repeat(256)}`, 'repository name must not be more than 255 characters'],
  ['a'.repeat(100_000), FORMAT],
];

for (const [text, full, familiar] of VALID) {
  test(`${text.slice(0, 60)} is ${full.slice(0, 60)}`, () => {
    const reference = parseReference(text);
    assert.equal(printFull(reference), full);
    assert.equal(printFamiliar(reference), familiar);
    assert.deepEqual(parseReference(full), reference);
    assert.deepEqual(parseReference(familiar), reference);
  });
}

for (const [text, message] of INVALID) {
  test(`${JSON.stringify(text.slice(0, 60))} is refused`, () => {
    assert.throws(
      () => parseReference(text),
      (error) => isEngineError(error, 'invalid-argument') && error.message === message,
    );
  });
}

test('a reference without tag and digest means the tag latest', () => {
  assert.equal(printFamiliar(withDefaultTag(parseReference('app'))), 'app:latest');
  assert.equal(printFamiliar(withDefaultTag(parseReference('app:1'))), 'app:1');
  assert.equal(printFamiliar(withDefaultTag(parseReference(`app@sha256:${HEX}`))), `app@sha256:${HEX}`);
});

test('a hostile name takes no time to refuse', () => {
  const startMs = performance.now();
  assert.throws(() => parseReference(`${'a-'.repeat(500)}!`));
  assert.throws(() => parseReference(`${'a.'.repeat(400)}/${'a_'.repeat(100)}!`));
  assert.ok(performance.now() - startMs < 200);
});
