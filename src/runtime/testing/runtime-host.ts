import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#/base/clock.ts';
import { type ContainerId, newContainerId } from '#/base/ids.ts';
import { silentLogger } from '#/base/log.ts';
import { probeCgroups } from '#/linux/cgroup.ts';
import { hostPrograms } from '#/linux/process.ts';
import type { OciProcess, OciRuntimeConfig } from '#/spec/oci/runtime.ts';
import { ALL_CAPABILITIES } from '../capabilities.ts';
import { type ConmonRuntimeOptions, openConmonRuntime } from '../open.ts';
import type { ContainerRuntime, CreateTask, RunningTask, TaskStdio } from '../runtime.ts';

const PROGRAMS = [
  'sh',
  'cat',
  'true',
  'false',
  'sleep',
  'echo',
  'ls',
  'id',
  'dd',
  'yes',
  'head',
  'tail',
  'stty',
  'tty',
  'wc',
  'unshare',
];
const UNIFIED = '/sys/fs/cgroup/unified';

/** A runtime on a throwaway host, with a root file system made of busybox. */
export interface RuntimeHost {
  readonly runtime: ContainerRuntime;
  readonly execRoot: string;
  readonly rootfs: string;
  /** Opens another runtime over the same exec root, as an engine that starts again does. */
  reopen(options?: Partial<ConmonRuntimeOptions>): Promise<ContainerRuntime>;
  logPath(id: ContainerId): string;
  /** Creates a task that runs `args`; it is deleted with the host. */
  create(args: readonly string[], change?: TaskChange): Promise<RunningTask & { readonly id: ContainerId }>;
  /** What is left of containers: processes, run directories, runtime state, cgroups. */
  leftovers(): readonly string[];
  [Symbol.asyncDispose](): Promise<void>;
}

export interface TaskChange extends Partial<Omit<CreateTask, 'config'>> {
  readonly process?: Partial<OciProcess>;
  readonly config?: Partial<OciRuntimeConfig>;
}

/** crun refuses a hybrid host whose unified hierarchy has controllers; the daemon's mount namespace hides it like this. */
async function hideUnifiedHierarchy(): Promise<void> {
  if (existsSync(join(UNIFIED, 'cgroup.controllers'))) {
    await hostPrograms.run('mount', ['-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', UNIFIED]);
  }
}

export async function openRuntimeHost(options: Partial<ConmonRuntimeOptions> = {}): Promise<RuntimeHost> {
  await hideUnifiedHierarchy();
  const base = mkdtempSync(join(tmpdir(), 'rt-'));
  const execRoot = join(base, 'x');
  const rootfs = makeRootfs(base);
  const reopen = (further: Partial<ConmonRuntimeOptions> = {}): Promise<ContainerRuntime> =>
    openConmonRuntime({
      ...{
        execRoot,
        log: silentLogger,
        clock: systemClock,
        programs: hostPrograms,
        cgroupDriver: 'cgroupfs',
        cgroups: probeCgroups(),
      },
      ...options,
      ...further,
    });
  const runtime = await reopen();
  const logPath = (id: ContainerId): string => join(base, 'logs', `${id}.log`);
  return {
    runtime,
    execRoot,
    rootfs,
    reopen,
    logPath,
    async create(args, { process, config, ...change } = {}) {
      const id = change.id ?? newContainerId();
      const terminal = change.terminal ?? false;
      const input = { id, terminal, openStdin: false, stdinOnce: false, logPath: logPath(id), ...change };
      const whole = { ...taskConfig(id, rootfs, { terminal, args, ...process }), ...config };
      return { id, ...(await runtime.create({ ...input, config: whole })) };
    },
    leftovers: () => findLeftovers(execRoot, runtime.info.name),
    async [Symbol.asyncDispose]() {
      for (const id of await runtime.list()) await runtime.delete(id);
      await runtime.close();
      rmSync(base, { recursive: true, force: true });
    },
  };
}

function makeRootfs(base: string): string {
  const rootfs = join(base, 'rootfs');
  for (const name of ['bin', 'proc', 'dev', 'sys', 'etc', 'tmp']) mkdirSync(join(rootfs, name), { recursive: true });
  mkdirSync(join(base, 'logs'));
  cpSync('/bin/busybox', join(rootfs, 'bin/busybox'));
  for (const name of PROGRAMS) symlinkSync('busybox', join(rootfs, 'bin', name));
  return rootfs;
}

export function taskProcess(process: Partial<OciProcess> & Pick<OciProcess, 'args'>): OciProcess {
  return {
    terminal: false,
    user: { uid: 0, gid: 0 },
    env: ['PATH=/bin'],
    cwd: '/',
    capabilities: { bounding: ALL_CAPABILITIES, effective: ALL_CAPABILITIES, permitted: ALL_CAPABILITIES },
    ...process,
  };
}

function taskConfig(
  id: string,
  path: string,
  process: Partial<OciProcess> & Pick<OciProcess, 'args'>,
): OciRuntimeConfig {
  return {
    ociVersion: '1.0.2',
    root: { path, readonly: false },
    process: taskProcess(process),
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=65536k'] },
      {
        destination: '/dev/pts',
        type: 'devpts',
        source: 'devpts',
        options: ['newinstance', 'ptmxmode=0666', 'mode=0620'],
      },
    ],
    linux: {
      cgroupsPath: `/gantry/${id}`,
      namespaces: [{ type: 'pid' }, { type: 'mount' }, { type: 'ipc' }, { type: 'uts' }, { type: 'cgroup' }],
    },
  };
}

function findLeftovers(execRoot: string, runtimeName: string): string[] {
  const inside = (directory: string): string[] =>
    existsSync(directory)
      ? readdirSync(directory, { withFileTypes: true })
          .filter((entry) => entry.isDirectory())
          .map((entry) => join(directory, entry.name))
      : [];
  const cgroups = inside('/sys/fs/cgroup').flatMap((hierarchy) => inside(join(hierarchy, 'gantry')));
  return [...inside(join(execRoot, 'c')), ...inside(join(execRoot, runtimeName)), ...cgroups];
}

/** Everything that arrives on a connection, as text, by stream. */
export function collectOutput(stdio: TaskStdio): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  stdio.onOutput = (stream, data) => {
    output[stream] += Buffer.from(data).toString();
  };
  return output;
}
