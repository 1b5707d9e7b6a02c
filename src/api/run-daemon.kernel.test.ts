import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inThrowawayHost } from '../../tests/support/host.ts';

inThrowawayHost();

const LAUNCHER = fileURLToPath(new URL('../../gantry', import.meta.url));
const IN_NAMESPACE = fileURLToPath(new URL('../../scripts/in-namespace.sh', import.meta.url));

interface Place {
  readonly execRoot: string;
  readonly dataRoot: string;
  readonly env: NodeJS.ProcessEnv;
  pid(): number;
}

function openPlace(t: TestContext): Place {
  const root = mkdtempSync(join(tmpdir(), 'd-'));
  const execRoot = join(root, 'run');
  const dataRoot = join(root, 'data');
  const env = {
    ...process.env,
    GANTRY_EXEC_ROOT: execRoot,
    GANTRY_DATA_ROOT: dataRoot,
    GANTRY_HOST: `unix://${execRoot}/gantry.sock`,
    GANTRY_NO_INSTALL: '1',
  };
  const pid = (): number => Number(readFileSync(join(execRoot, 'gantry.pid'), 'utf8'));
  t.after(async () => {
    if (existsSync(join(execRoot, 'gantry.pid'))) await stop(pid());
    spawnSync('sh', [IN_NAMESPACE, '--undo', execRoot, dataRoot]);
    rmSync(root, { recursive: true, force: true });
  });
  return { execRoot, dataRoot, env, pid };
}

function gantry(place: Place, ...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(LAUNCHER, args, { env: place.env, encoding: 'utf8', timeout: 60_000 });
  return { status, stdout, stderr };
}

async function stop(pid: number, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  process.kill(pid, signal);
  for (let tries = 0; tries < 500 && isAlive(pid); tries++) await sleep(20);
  assert.ok(!isAlive(pid), `process ${pid} has ended`);
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

test('commands that find no daemon start one, and only one however many they are', async (t) => {
  const place = openPlace(t);
  const runs = Array.from({ length: 3 }, async () => {
    const child = spawn(LAUNCHER, ['version'], { env: place.env, stdio: 'ignore' });
    return await new Promise((resolve) => child.once('exit', resolve));
  });
  assert.deepEqual(await Promise.all(runs), [0, 0, 0]);
  const log = readFileSync(join(place.execRoot, 'daemon.log'), 'utf8');
  assert.equal(log.match(/"listening"/g)?.length, 1);
  assert.notEqual(readlinkSync(`/proc/${place.pid()}/ns/mnt`), readlinkSync('/proc/self/ns/mnt'));
  assert.equal(statSync(join(place.execRoot, 'gantry.sock')).mode & 0o777, 0o660);
});

test('a daemon that is told to stop leaves containers running, and the next one finds them', async (t) => {
  const place = openPlace(t);
  const started = gantry(
    place,
    'run',
    '-d',
    '--name',
    'stays',
    '--network',
    'none',
    'gantry.local/busybox',
    'sleep',
    '600',
  );
  assert.equal(started.status, 0, started.stderr);
  const first = place.pid();
  await stop(first);
  assert.ok(!existsSync(join(place.execRoot, 'gantry.sock')) && !existsSync(join(place.execRoot, 'gantry.pid')));
  assert.equal(gantry(place, 'exec', 'stays', 'echo', 'still here').stdout, 'still here\n');
  assert.notEqual(place.pid(), first);
  await stop(place.pid(), 'SIGKILL');
  assert.equal(gantry(place, 'exec', 'stays', 'echo', 'and again').stdout, 'and again\n');
  assert.equal(gantry(place, 'rm', '-f', 'stays').status, 0);
});

test('a second daemon over the same roots is refused with the first one named', async (t) => {
  const place = openPlace(t);
  assert.equal(gantry(place, 'version').status, 0);
  const second = gantry(place, 'daemon');
  assert.equal(second.status, 75);
  assert.match(second.stderr, new RegExp(`another daemon \\(process ${place.pid()}\\) uses the data root`));
});

test('a daemon that cannot start is reported with the end of its log', (t) => {
  const place = openPlace(t);
  mkdirSync(place.dataRoot);
  writeFileSync(join(place.dataRoot, 'gantry.db'), 'this is no database, '.repeat(500));
  const { status, stderr } = gantry(place, 'ps');
  assert.notEqual(status, 0);
  assert.match(stderr, /the Gantry daemon could not be started \(it ended with 1\):\n.*"level":"fatal"/);
});

test('TCP is listened on at loopback and nowhere else', async (t) => {
  const place = openPlace(t);
  const refused = gantry(place, 'daemon', '-H', 'tcp://0.0.0.0:2375');
  assert.equal(refused.status, 125);
  assert.match(refused.stderr, /refusing to listen on "tcp:\/\/0\.0\.0\.0:2375"/);
  const args = [
    'daemon',
    '-H',
    'tcp://127.0.0.1:0',
    '-H',
    `unix://${place.execRoot}/further/x.sock`,
    '--socket-mode',
    '600',
  ];
  const daemon = spawn(LAUNCHER, args, { env: place.env, stdio: ['ignore', 'ignore', 'pipe'] });
  const [port] = await new Promise<readonly number[]>((resolve) => {
    daemon.stderr.setEncoding('utf8').on('data', (text: string) => {
      const ports = /"ports":\[(\d+)\]/.exec(text);
      if (ports !== null) resolve([Number(ports[1])]);
    });
  });
  assert.equal(place.pid(), daemon.pid, 'the process keeps its id from the launcher on');
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/_ping`)).text(), 'OK');
  assert.equal(statSync(join(place.execRoot, 'further/x.sock')).mode & 0o777, 0o600);
  const ended = new Promise((resolve) => daemon.once('exit', resolve));
  daemon.kill('SIGTERM');
  assert.equal(await ended, 0);
});

test('the namespace lasts from one start to the next, sees the mounts of the host, and is made again when it is stale', (t) => {
  const place = openPlace(t);
  const inside = (script: string): string =>
    spawnSync('sh', [IN_NAMESPACE, place.execRoot, place.dataRoot, 'sh', '-c', script], {
      encoding: 'utf8',
    }).stdout.trim();
  const namespace = inside(
    `mkdir ${place.dataRoot}/m && mount -t tmpfs made-inside ${place.dataRoot}/m && readlink /proc/self/ns/mnt`,
  );
  assert.match(namespace, /^mnt:\[\d+\]$/);
  assert.notEqual(namespace, readlinkSync('/proc/self/ns/mnt'));
  assert.equal(inside('readlink /proc/self/ns/mnt'), namespace);
  assert.equal(inside(`findmnt -n -o SOURCE ${place.dataRoot}/m`), 'made-inside');
  assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), /made-inside/);
  writeFileSync(join(place.execRoot, 'ns/boot-id'), 'of another boot\n');
  assert.equal(inside(`findmnt -n -o SOURCE ${place.dataRoot}/m`), '');
});
