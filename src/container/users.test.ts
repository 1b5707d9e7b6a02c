import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveUser } from './users.ts';

function withRoot(files: Readonly<Record<string, string>>, body: (root: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), 'gantry-users-'));
  try {
    mkdirSync(join(root, 'etc'));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(root, 'etc', name), text);
    body(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

const PASSWD = 'root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n1234:x:0:0::/:/bin/sh\nbroken\n';
const GROUP = 'root:x:0:\nwww:x:34:\nextra:x:50:web,other\n';

test('names and numbers are looked up inside the image', () => {
  withRoot({ passwd: PASSWD, group: GROUP }, (root) => {
    assert.deepEqual(resolveUser(root, '', []), { uid: 0, gid: 0, additionalGids: [0], home: '/root' });
    assert.deepEqual(resolveUser(root, 'web', []), { uid: 33, gid: 34, additionalGids: [34, 50], home: '/srv' });
    assert.deepEqual(resolveUser(root, 'web:50', []), { uid: 33, gid: 50, additionalGids: [50], home: '/srv' });
    assert.deepEqual(resolveUser(root, '77', ['www', '9']), { uid: 77, gid: 0, additionalGids: [0, 34, 9], home: '/' });
  });
});

test('a number is a number, even where the image has a user of that name', () => {
  withRoot({ passwd: PASSWD, group: GROUP }, (root) => assert.equal(resolveUser(root, '1234', []).uid, 1234));
});

test('unknown names and numbers beyond the range are refused with the texts of Docker', () => {
  withRoot({ passwd: PASSWD, group: GROUP }, (root) => {
    assert.throws(() => resolveUser(root, 'nobody', []), {
      message: 'unable to find user nobody: no matching entries in passwd file',
    });
    assert.throws(() => resolveUser(root, 'web:nope', []), {
      message: 'unable to find group nope: no matching entries in group file',
    });
    for (const user of ['4294967296', '-1', '0:-1', '1:2147483648']) {
      assert.throws(() => resolveUser(root, user, []), { message: 'uids and gids must be in range 0-2147483647' });
    }
  });
});

test('a passwd that is a link out of the image is read inside it', () => {
  withRoot({}, (root) => {
    symlinkSync('/etc/passwd', join(root, 'etc', 'passwd'));
    symlinkSync('../../../../../../etc/group', join(root, 'etc', 'group'));
    assert.deepEqual(resolveUser(root, '', []), { uid: 0, gid: 0, additionalGids: [0], home: '/root' });
    assert.throws(() => resolveUser(root, 'daemon', []), /unable to find user daemon/);
  });
});

test('a passwd longer than the limit is refused rather than read in part', () => {
  withRoot({ passwd: `${'x:x:5:5::/:\n'.repeat(100_000)}web:x:33:34::/srv:\n` }, (root) => {
    assert.throws(() => resolveUser(root, 'web', []), /\/etc\/passwd of the image is longer than 1048576 bytes/);
  });
});
