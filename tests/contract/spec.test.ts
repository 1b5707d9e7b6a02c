import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { missingSpec, openApiSpec } from './spec.ts';

describe('the checker of API answers', { skip: missingSpec ?? false }, () => {
  const spec = openApiSpecUnlessMissing();

  test('accepts an answer as specified, and null only where the specification says so', () => {
    spec?.assertMatches('POST', '/v1.51/containers/create?name=x', 201, { Id: 'abc', Warnings: [] });
    spec?.assertMatches('GET', '/containers/a/json', 404, { message: 'No such container: a' });
    assert.throws(
      () => spec?.assertMatches('POST', '/containers/create', 201, { Id: null, Warnings: [] }),
      /\/Id must be string/,
    );
  });

  test('refuses a missing field, a wrong type, an unknown status and an unknown path', () => {
    assert.throws(
      () => spec?.assertMatches('POST', '/containers/create', 201, { Warnings: [] }),
      /required property 'Id'/,
    );
    assert.throws(() => spec?.assertMatches('GET', '/containers/a/json', 418, {}), /418 is not in the specification/);
    assert.throws(() => spec?.assertMatches('GET', '/containers/a/nonsense', 200, {}), /no path of the specification/);
    assert.throws(() => spec?.assertMatches('GET', '/images/json', 200, [{ Id: 1 }]), /\/0\/Id must be string/);
  });

  test('finds image names with slashes', () => {
    spec?.assertMatches('GET', '/images/localhost:5000/a/b:c/json', 404, { message: 'No such image' });
  });
});

function openApiSpecUnlessMissing() {
  return missingSpec === undefined ? openApiSpec() : undefined;
}
