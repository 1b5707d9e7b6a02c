import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDeb822Sources, parseSourcesList, printSource, sourcesForSuite } from './apt-sources.ts';

const DEB822 = `Types: deb deb-src
# a comment in the middle
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEYCQjIxYJKwYBBAHaRw8BAQdAD
 -----END PGP PUBLIC KEY BLOCK-----
`;

test('deb822 paragraphs are read: several suites, disabled ones left out, keys in place ignored', () => {
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
  const first = { uri: 'http://mirror.example/debian', components: ['main', 'contrib'], signedBy: keyring };
  assert.deepEqual(parseDeb822Sources(DEB822), [
    { ...first, suite: 'bookworm' },
    { ...first, suite: 'bookworm-updates' },
    { uri: 'http://security.example/debian-security', suite: 'bookworm-security', components: ['main'] },
  ]);
});

test('one-line sources are read, and printed back', () => {
  const lines = [
    'deb [signed-by=/k.gpg] http://m.example/debian bookworm main contrib',
    'deb http://m.example/debian bookworm-updates main',
  ];
  const text = `# deb http://no.example/ x main\n${lines[0]} # why\ndeb-src http://m.example/debian bookworm main\n${lines[1]}\n`;
  assert.deepEqual(parseSourcesList(text).map(printSource), lines);
});

test('signature checks that the machine has switched off are not switched off here', () => {
  const [source] = parseSourcesList('deb [trusted=yes allow-insecure=yes] http://m.example/debian bookworm main');
  assert.equal(source === undefined ? '' : printSource(source), 'deb http://m.example/debian bookworm main');
});

test("another suite is taken from the machine's own mirrors, and from Debian's only", () => {
  const sources = parseSourcesList(
    [
      'deb http://m.example/debian bookworm main',
      'deb http://m.example/debian bookworm-updates main',
      'deb http://m.example/debian bookworm-backports main',
      'deb http://s.example/debian-security stable-security main',
      'deb https://other.example/linux/debian bookworm stable',
      'deb cdrom:[Debian]/ bookworm main',
    ].join('\n'),
  );
  assert.deepEqual(sourcesForSuite(sources, 'bookworm', 'trixie').map(printSource), [
    'deb http://m.example/debian trixie main',
    'deb http://m.example/debian trixie-updates main',
    'deb http://s.example/debian-security trixie-security main',
  ]);
});
