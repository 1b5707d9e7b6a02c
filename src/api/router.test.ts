import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openRouter } from './router.ts';
import { ROUTES } from './routes.ts';

const router = openRouter(ROUTES);

test('a version in the path is the version that is spoken', () => {
  assert.equal(router.find('GET', '/v1.24/containers/json?all=1').version.minor, 24);
  assert.equal(router.find('GET', '/containers/json').version.minor, 51);
  assert.throws(() => router.find('GET', '/v1.52/_ping'), {
    message: 'client version 1.52 is too new. Maximum supported API version is 1.51',
  });
  assert.throws(
    () => router.find('GET', '/v1.12/_ping'),
    /client version 1.12 is too old. Minimum supported API version is 1.24/,
  );
});

test('image names may hold slashes, ports and digests', () => {
  const found = router.find('GET', '/v1.51/images/localhost:5000/a/b@sha256:00/json');
  assert.equal(found.params['*'], 'localhost:5000/a/b@sha256:00/json');
  assert.equal(router.find('DELETE', '/images/a%2Fb').params['*'], 'a/b');
});

test('an unknown path is not found, a known one that is not there yet says so', () => {
  assert.throws(() => router.find('GET', '/nowhere'), { kind: 'not-found', message: 'page not found' });
  const { route } = router.find('POST', '/v1.51/commit');
  assert.equal(route.kind, 'http');
  assert.throws(() => route.handle({} as never), {
    kind: 'not-implemented',
    message: /committing containers is not implemented/,
  });
});
