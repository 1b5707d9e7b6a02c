import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeImageArchive } from './image.ts';
import { makeTar, type TarEntry } from './tar.ts';

/** What `scripts/unpack-apps.sh` unpacked. */
const PACKAGES = fileURLToPath(new URL('../../node_modules/.cache/apps-debian/', import.meta.url));
const POSTGRES = 'usr/lib/postgresql/15/bin';
/** As Debian's package would make it. */
const POSTGRES_UID = 999;

/** One transaction: a database that is just starting either records the visit and says so, or neither. */
const VISITS = `#!/bin/sh
visits=$(redis-cli -h cache incr visits)
count="create table if not exists visits(n int); insert into visits values ($visits); select count(*) from visits"
printf 'Content-Type: text/plain\\n\\n%s of %s\\n' "$visits" "$(psql -h db -U app -d postgres -qAt -c "$count")"
`;

const START_DB = `#!/bin/sh
set -e
if [ ! -s /data/PG_VERSION ]; then
  initdb -D /data -U app -A trust --no-sync --locale=C >/dev/null
  echo 'host all all all trust' >>/data/pg_hba.conf
fi
exec postgres -D /data -c 'listen_addresses=*' -c unix_socket_directories=/tmp -c fsync=off
`;

/**
 * Writes a loadable archive of three images of a real application to `path`, and returns their names: `app/web:test` (busybox httpd; its
 * CGI `/cgi-bin/visits` counts in `cache` and writes to `db`), `app/cache:test` (redis), `app/db:test` (PostgreSQL, data in the
 * volume `/data`).
 */
export function writeAppArchives(directory: string): readonly string[] {
  const base = [
    baseLayer(),
    packageLayer(['lib', 'lib64', 'usr/lib/x86_64-linux-gnu', 'usr/share/zoneinfo/Etc', 'bin/busybox']),
  ];
  const env = [`PATH=/usr/local/bin:/${POSTGRES}:/usr/bin:/bin`];
  const redis = packageLayer(['usr/bin/redis-check-rdb', 'usr/bin/redis-server', 'usr/bin/redis-cli']);
  const postgres = packageLayer(['usr/lib/postgresql', 'usr/share/postgresql']);
  const images = {
    web: {
      layers: [
        ...base,
        redis,
        postgres,
        [file('www/cgi-bin/visits', VISITS), file('www/index.html', 'it works\n', 0o644)],
      ],
      config: { Cmd: ['busybox', 'httpd', '-f', '-p', '80', '-h', '/www'], Env: env, ExposedPorts: { '80/tcp': {} } },
    },
    cache: {
      layers: [...base, redis],
      config: {
        Cmd: ['redis-server', '--save', '', '--protected-mode', 'no'],
        Env: env,
        ExposedPorts: { '6379/tcp': {} },
      },
    },
    db: {
      layers: [...base, postgres, [file('usr/local/bin/start-db', START_DB), ownedDirectory('data/')]],
      config: {
        Cmd: ['start-db'],
        Env: env,
        User: String(POSTGRES_UID),
        Volumes: { '/data': {} },
        ExposedPorts: { '5432/tcp': {} },
      },
    },
  };
  return Object.entries(images).map(([name, image]) => {
    const path = join(directory, `${name}.tar`);
    writeFileSync(path, makeImageArchive({ ...image, tags: [`app/${name}:test`] }).archive);
    return path;
  });
}

const file = (name: string, content: string, mode = 0o755): TarEntry => ({ name, content, mode });
const ownedDirectory = (name: string): TarEntry => ({
  name,
  type: 'dir',
  mode: 0o700,
  uid: POSTGRES_UID,
  gid: POSTGRES_UID,
});

function baseLayer(): Buffer {
  const applets = execFileSync(join(PACKAGES, 'bin/busybox'), ['--list'], { encoding: 'utf8' }).trim().split('\n');
  return makeTar([
    ...['bin/', 'etc/', 'dev/', 'proc/', 'sys/', 'root/', 'usr/', 'usr/bin/'].map(
      (name): TarEntry => ({ name, type: 'dir', mode: 0o755 }),
    ),
    { name: 'tmp/', type: 'dir', mode: 0o1777 },
    ...applets
      .filter((name) => name !== 'busybox')
      .map((name): TarEntry => ({ name: `bin/${name}`, type: 'symlink', mode: 0o777, linkName: 'busybox' })),
    {
      name: 'etc/passwd',
      content: `root:x:0:0:root:/root:/bin/sh\npostgres:x:${POSTGRES_UID}:${POSTGRES_UID}::/data:/bin/sh\n`,
    },
    { name: 'etc/group', content: `root:x:0:\npostgres:x:${POSTGRES_UID}:\n` },
    { name: 'etc/nsswitch.conf', content: 'passwd: files\ngroup: files\nhosts: files dns\n' },
  ]);
}

const packageLayer = (paths: readonly string[]): Buffer =>
  execFileSync('tar', ['-C', PACKAGES, '--numeric-owner', '--owner=0', '--group=0', '-cf', '-', ...paths], {
    maxBuffer: 2 ** 30,
  });
