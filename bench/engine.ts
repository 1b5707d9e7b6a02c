import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { exitOf, runCommand } from '../tests/support/command.ts';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const THROWAWAY_HOST = join(ROOT, 'tests/support/throwaway-host.sh');
const PEERS = join(ROOT, 'node_modules/.cache');
const START_TIMEOUT_MS = 60_000;

export type EngineName = 'gantry' | 'dockerd' | 'podman';

/** An engine under measurement, in mount, network, pid and control group namespaces of its own. */
export interface BenchEngine {
  readonly name: EngineName;
  /** How people drive it: the docker client, or podman itself. */
  readonly cli: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where its Docker API listens; podman has none here. */
  readonly socketPath: string | undefined;
  /** The process outside whose descendants are all of the engine's. */
  readonly hostPid: number;
  stop(): Promise<void>;
}

/** Unpacks the peers from Debian; nothing is installed. */
export async function preparePeers(names: readonly EngineName[]): Promise<void> {
  const unpack = join(ROOT, 'scripts/unpack-debian.sh');
  const dockerd = ['docker.io', 'containerd', 'runc'];
  const podman = ['podman', 'netavark', 'aardvark-dns', 'libgpgme11', 'libdevmapper1.02.1', 'libsubid4', 'libassuan0'];
  const run = async (directory: string, packages: readonly string[]) => {
    const result = await runCommand(['sh', unpack, join(PEERS, directory), ...packages], { timeoutMs: 600_000 });
    if (result.code !== 0) throw new Error(`cannot unpack ${packages.join(' ')}:\n${result.stderr}`);
  };
  if (names.includes('dockerd')) await run('docker-debian', dockerd);
  if (names.includes('podman')) await run('podman-debian', podman);
}

/** Starts one engine with its data below `directory`, and waits until it answers. */
export async function startEngine(name: EngineName, directory: string): Promise<BenchEngine> {
  mkdirSync(directory, { recursive: true });
  switch (name) {
    case 'dockerd':
      return await startDockerd(directory);
    case 'gantry':
      return await startGantry(directory);
    case 'podman':
      return await startPodman(directory);
    default:
      return name satisfies never;
  }
}

async function startDockerd(directory: string): Promise<BenchEngine> {
  const peer = join(PEERS, 'docker-debian/usr');
  const socketPath = join(directory, 'd.sock');
  const roots = ['--data-root', join(directory, 'data'), '--exec-root', join(directory, 'run')];
  const argv = ['dockerd', ...roots, '-p', join(directory, 'd.pid'), '-H', `unix://${socketPath}`];
  const env = { PATH: `${peer}/bin:${peer}/sbin:${process.env.PATH}` };
  return await startDaemon(
    'dockerd',
    [...argv, '--storage-driver', 'overlay2', '--userland-proxy=false'],
    env,
    socketPath,
    directory,
  );
}

async function startGantry(directory: string): Promise<BenchEngine> {
  const execRoot = join(directory, 'run');
  const socketPath = join(execRoot, 'gantry.sock');
  const roots = ['--data-root', join(directory, 'data'), '--exec-root', execRoot];
  const argv = [join(ROOT, 'gantry'), 'daemon', '-H', `unix://${socketPath}`, ...roots, '--log-level', 'warn'];
  return await startDaemon('gantry', argv, {}, socketPath, directory);
}

async function startDaemon(
  name: EngineName,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  socketPath: string,
  directory: string,
): Promise<BenchEngine> {
  const child = spawnHost(argv, env, directory);
  const cli = ['docker'];
  const clientEnv = { DOCKER_HOST: `unix://${socketPath}`, DOCKER_CONFIG: join(directory, 'config') };
  const isReady = async () => {
    if (!existsSync(socketPath)) return false;
    const result = await runCommand([...cli, 'version'], { env: clientEnv }).catch(() => undefined);
    return result?.code === 0;
  };
  await waitUntil(isReady, child, directory, name);
  return { name, cli, env: clientEnv, socketPath, hostPid: child.pid ?? 0, stop: () => stopHost(child) };
}

/**
 * Podman has no daemon: its host is kept by a sleeping process, which every command enters. The unpacked libraries and
 * helpers are laid over /usr/lib there, because conmon starts podman's clean-up with a bare environment.
 */
async function startPodman(directory: string): Promise<BenchEngine> {
  const peer = join(PEERS, 'podman-debian/usr');
  const overlay = `mount -t overlay -o lowerdir=${peer}/lib:/usr/lib overlay /usr/lib`;
  const script = `${overlay} && touch '${directory}/ready' && exec sleep infinity`;
  const child = spawnHost(['sh', '-c', script], {}, directory);
  await waitUntil(async () => existsSync(join(directory, 'ready')), child, directory, 'podman');
  const inside = descendantsOf(child.pid ?? 0).find((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n');
  const enter = ['nsenter', '--target', String(inside), '--mount', '--net', '--pid', '--cgroup', '--uts'];
  const roots = ['--root', join(directory, 'data'), '--runroot', join(directory, 'run')];
  const choices = ['--cgroup-manager', 'cgroupfs', '--runtime', 'runc', '--network-backend', 'netavark'];
  const cli = [...enter, join(peer, 'bin/podman'), ...roots, ...choices];
  return { name: 'podman', cli, env: {}, socketPath: undefined, hostPid: child.pid ?? 0, stop: () => stopHost(child) };
}

function spawnHost(argv: readonly string[], env: Readonly<Record<string, string>>, directory: string): ChildProcess {
  const log = openSync(join(directory, 'log'), 'a');
  return spawn('sh', [THROWAWAY_HOST, ...argv], { stdio: ['ignore', log, log], env: { ...process.env, ...env } });
}

async function waitUntil(
  isReady: () => Promise<boolean>,
  child: ChildProcess,
  directory: string,
  name: EngineName,
): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (!(await isReady())) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGTERM');
      throw new Error(`${name} does not start:\n${readFileSync(join(directory, 'log'), 'utf8').slice(-4000)}`);
    }
    await sleep(50);
  }
}

async function stopHost(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  await exitOf(child);
}

/** The ids of all processes below this one. */
export function descendantsOf(pid: number): number[] {
  const children = childrenOf(pid);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
