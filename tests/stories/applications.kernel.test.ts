import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { poll } from '#/base/delay.ts';
import { writeAppArchives } from '../support/app-images.ts';
import { runCommand } from '../support/command.ts';
import { inThrowawayHost } from '../support/host.ts';
import { tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
const STARTUP_MS = 60_000;

async function loadServices(): Promise<void> {
  const present = await story.docker.ok(['images', '-q', 'app/web']);
  if (present !== '') return;
  for (const path of writeAppArchives(tmpdir())) await story.docker.ok(['load', '-i', path]);
}

/** Debian 12 has compose v1 as a program, Debian 13 has v2. */
const COMPOSE = {
  v1: 'docker-compose',
  v2: fileURLToPath(
    new URL('../../node_modules/.cache/compose-debian/usr/libexec/docker/cli-plugins/docker-compose', import.meta.url),
  ),
} as const;

const APPLICATION = `
version: "3.8"
services:
  web:
    image: app/web:test
    init: true
    depends_on: [cache, db]
    ports: ["8080:80"]
    networks: [front, back]
  cache:
    image: app/cache:test
    networks: [back]
  db:
    image: app/db:test
    volumes: ["data:/data"]
    networks:
      back:
        aliases: [database]
networks:
  front: {}
  back:
    internal: true
volumes:
  data: {}
`;

/** Visits that the database has recorded, this one included; 0 where not all three services answer. */
async function rows(url: string): Promise<number> {
  const { stdout } = await runCommand(['curl', '-s', '-m', '5', `${url}/cgi-bin/visits`]);
  return Number(/^\d+ of (\d+)$/.exec(stdout.trim())?.[1] ?? 0);
}

/** What the first visit says that all three services answer. Those that one of them did not answer may be recorded too. */
async function visit(url = 'http://127.0.0.1:8080'): Promise<number> {
  const count = await poll(async () => (await rows(url)) || undefined, { intervalMs: 100, timeoutMs: STARTUP_MS });
  assert.ok(count !== undefined, `not all services answer within ${STARTUP_MS} ms`);
  return count;
}

const namesOf = async (...args: readonly string[]): Promise<string[]> =>
  (await story.docker.ok(args))
    .split('\n')
    .filter((line) => line !== '')
    .toSorted();

async function nothingIsLeft(): Promise<void> {
  assert.deepEqual(await namesOf('network', 'ls', '--format', '{{.Name}}'), ['bridge', 'host', 'none']);
  assert.deepEqual(await namesOf('volume', 'ls', '-q'), []);
  assert.deepEqual(await namesOf('ps', '-aq'), []);
}

for (const [version, program] of Object.entries(COMPOSE)) {
  test(`an application of three services works by name under docker compose ${version}`, async () => {
    await loadServices();
    const directory = mkdtempSync(join(tmpdir(), 'shop-'));
    writeFileSync(join(directory, 'docker-compose.yml'), APPLICATION);
    const env = { DOCKER_HOST: story.daemon.host, HOME: directory };
    const compose = async (...args: readonly string[]): Promise<string> => {
      const result = await runCommand([program, '-p', 'shop', ...args], { cwd: directory, env });
      assert.equal(result.code, 0, `compose ${args.join(' ')}: ${result.stdout}${result.stderr}`);
      return result.stdout;
    };
    await compose('up', '-d');
    const first = await visit();
    const second = await visit();
    assert.ok(second > first, `${second} visits after ${first}`);
    assert.match(await compose('exec', '-T', 'web', 'nslookup', 'database'), /Address: /);
    assert.match(await compose('ps'), /8080->80\/tcp/);

    await compose('restart');
    const third = await visit();
    assert.ok(third > second, `${third} visits after ${second}`);

    await compose('up', '-d', '--scale', 'cache=3');
    const addresses = await compose('exec', '-T', 'web', 'nslookup', 'cache');
    assert.equal(new Set(addresses.match(/(?<=^Address: )[\d.]+$/gm)).size, 3, addresses);

    await compose('down', '-v');
    await nothingIsLeft();
  });
}

test('the same application works with plain docker', async () => {
  const { docker } = story;
  await loadServices();
  await docker.ok(['network', 'create', 'shop']);
  await docker.ok(['volume', 'create', 'shop-data']);
  await docker.ok(['run', '-d', '--name', 'db', '--network', 'shop', '-v', 'shop-data:/data', 'app/db:test']);
  await docker.ok(['run', '-d', '--name', 'redis', '--network', 'shop', '--network-alias', 'cache', 'app/cache:test']);
  await docker.ok(['run', '-d', '--name', 'web', '--network', 'shop', '-p', '8080:80', 'app/web:test']);
  const before = await visit();

  await docker.ok(['rm', '-f', 'db']);
  await docker.ok(['run', '-d', '--name', 'db', '--network', 'shop', '-v', 'shop-data:/data', 'app/db:test']);
  const after = await visit();
  assert.ok(after > before, `${after} visits after ${before}`);

  await docker.ok(['rm', '-f', 'db', 'redis', 'web']);
  await docker.ok(['network', 'rm', 'shop']);
  await docker.ok(['volume', 'rm', 'shop-data']);
  await nothingIsLeft();
});
