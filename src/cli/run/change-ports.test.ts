import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changePorts } from './change-ports.ts';

const CURRENT = {
  '80/tcp': [
    { HostIp: '', HostPort: '8080' },
    { HostIp: '127.0.0.1', HostPort: '9090' },
  ],
  '53/udp': [{ HostIp: '', HostPort: '53' }],
};

test('a port is added beside those that are published', () => {
  const ports = changePorts(CURRENT, ['8443:443', '8081:80'], []);
  assert.deepEqual(ports['443/tcp'], [{ HostIp: '', HostPort: '8443' }]);
  assert.deepEqual(
    ports['80/tcp']?.map(({ HostPort }) => HostPort),
    ['8080', '9090', '8081'],
  );
  assert.deepEqual(ports['53/udp'], CURRENT['53/udp']);
});

test('what is to be removed may leave the side of the host open', () => {
  assert.deepEqual(changePorts(CURRENT, [], ['80']), { '53/udp': CURRENT['53/udp'] });
  assert.deepEqual(changePorts(CURRENT, [], ['8080:80', '53/udp']), { '80/tcp': [CURRENT['80/tcp'][1]] });
  assert.deepEqual(changePorts(CURRENT, [], ['127.0.0.1::80'])['80/tcp'], [CURRENT['80/tcp'][0]]);
  assert.deepEqual(changePorts(CURRENT, ['8080:81'], ['8080:80'])['81/tcp'], [{ HostIp: '', HostPort: '8080' }]);
});

test('removing a port that is not published is an error', () => {
  assert.throws(() => changePorts(CURRENT, [], ['1:80']), { message: 'port 1:80 is not published: nothing to remove' });
  assert.throws(() => changePorts(CURRENT, [], ['53']), /port 53 is not published/);
});
