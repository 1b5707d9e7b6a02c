import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '#/base/clock.ts';
import { EngineError } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import { parseContainerId } from '#/base/ids.ts';
import type { Logger } from '#/base/log.ts';
import { readBoundingCapabilities } from '#/linux/capability-mask.ts';
import type { CgroupHost } from '#/linux/cgroup.ts';
import { cgroupQuickener } from '#/linux/cgroup-quicken.ts';
import type { ProgramRunner } from '#/linux/process.ts';
import { type SealedProgram, sealProgram } from '#/linux/sealed-program.ts';
import { connectSeqpacket } from '#/linux/seqpacket.ts';
import type { OciResources } from '#/spec/oci/runtime.ts';
import { capabilitiesOfMask } from './capabilities.ts';
import { chooseRuntime } from './choose-runtime.ts';
import { CompiledFilters } from './compiled-filters.ts';
import { killTask, observeTask, pauseTask, resumeTask, updateTask } from './control-task.ts';
import { clampProcess, createTask } from './create-task.ts';
import { deleteTask } from './delete-task.ts';
import { execDirectly } from './exec-direct.ts';
import { execOnTerminal } from './exec-terminal.ts';
import type { MonitorTools } from './monitor.ts';
import { rotateTaskLog } from './rotate-log.ts';
import { findTaskRecord, type RunDirectory, runDirectoriesOf, runDirectory, sendControl } from './run-directory.ts';
import type { ContainerRuntime, TaskExit } from './runtime.ts';
import { startTask } from './start-task.ts';
import { monitorStdio } from './stdio.ts';
import { waitExit } from './wait-exit.ts';

export interface ConmonRuntimeOptions {
  /** Absolute. Run directories are in `c/`, the OCI runtime's own state in a directory of its name. */
  readonly execRoot: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly programs: ProgramRunner;
  readonly cgroupDriver: 'cgroupfs' | 'systemd';
  /** Name or path of the OCI runtime to use; without it crun or, where that cannot run, runc. */
  readonly preferred?: string;
  /** Of this process's mount namespace, as the runtime sees it. */
  readonly cgroups: CgroupHost;
}

/** Everything that the verbs of this room (`create-task.ts`, `start-task.ts`, …) work with. */
export interface TaskRoom {
  readonly tools: MonitorTools;
  readonly execRoot: string;
  readonly log: Logger;
  readonly clock: Clock;
  readonly cgroups: CgroupHost;
  /** What the engine can hand on; of what a container asks for, the rest is left out. */
  readonly heldCapabilities: ReadonlySet<string>;
  readonly filters: CompiledFilters;
  /** To be called when something is about to be started in a cgroup. */
  readonly quickenCgroups: () => void;
}

/** Chooses and probes an OCI runtime and runs containers with it, each under a conmon. Throws unavailable where none can. */
export async function openConmonRuntime(options: ConmonRuntimeOptions): Promise<ContainerRuntime> {
  const { execRoot, log, clock, programs } = options;
  const systemdCgroup = options.cgroupDriver === 'systemd';
  mkdirSync(runDirectoriesOf(execRoot), { recursive: true, mode: 0o711 });
  const { info, conmonPath } = await chooseRuntime({
    programs,
    execRoot,
    cgroups: options.cgroups,
    systemdCgroup,
    ...(options.preferred === undefined ? {} : { preferred: options.preferred }),
  });
  const stateRoot = join(execRoot, info.name);
  mkdirSync(stateRoot, { recursive: true, mode: 0o700 });
  const sealed = info.name === 'crun' ? await sealRuntime(programs, info.path, log) : undefined;
  const runtimePath = sealed?.path ?? info.path;
  const tools = { programs, conmonPath, runtimeName: info.name, runtimePath, stateRoot, systemdCgroup };
  const heldCapabilities = capabilitiesOfMask(readBoundingCapabilities());
  const filters = new CompiledFilters(info.name, stateRoot);
  const quickenCgroups = cgroupQuickener(options.cgroups);
  const room: TaskRoom = {
    tools,
    execRoot,
    log,
    clock,
    cgroups: options.cgroups,
    heldCapabilities,
    filters,
    quickenCgroups,
  };
  return bindRuntime(room, info, () => sealed?.[Symbol.dispose]());
}

/** A copy that crun need not make again at each start, which is a third of its time. Undefined where the host runs no such copies. */
async function sealRuntime(programs: ProgramRunner, path: string, log: Logger): Promise<SealedProgram | undefined> {
  try {
    const sealed = sealProgram(path);
    const { code } = await programs.run(sealed.path, ['--version']);
    if (code === 0) return sealed;
    sealed[Symbol.dispose]();
    log.debug({ path, code }, 'a copy of the OCI runtime in memory does not run');
  } catch (error) {
    log.debug({ err: error, path }, 'the OCI runtime cannot be copied into memory');
  }
  return undefined;
}

function bindRuntime(room: TaskRoom, info: ContainerRuntime['info'], release: () => void): ContainerRuntime {
  const closing = new AbortController();
  const directoryOf = (id: ContainerId): RunDirectory => runDirectory(room.execRoot, id);
  return {
    info,
    create: (input, { signal } = {}) => createTask(room, input, signal),
    start: (id) => startTask(room, id),
    observe: (id) => observeTask(room, id),
    waitExit(id, { signal } = {}): Promise<TaskExit> {
      return waitExit(room, id, signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]));
    },
    kill: (id, signal, { all = false } = {}) => killTask(room, id, signal, all),
    pause: (id) => pauseTask(room, id),
    resume: (id) => resumeTask(room, id),
    update: (id, resources: OciResources) => updateTask(room, id, resources),
    delete: (id) => deleteTask(room, id),
    async resize(id, { rows, columns }) {
      sendControl(directoryOf(id).control, `1 ${rows} ${columns}`);
    },
    async attach(id, { signal }) {
      signal?.throwIfAborted();
      const directory = directoryOf(id);
      const lingers = findTaskRecord(directory)?.stdinOnce ?? false;
      const stdio = monitorStdio(connectSeqpacket(directory.attach), { lingers });
      signal?.addEventListener('abort', () => stdio.close(), { once: true });
      return stdio;
    },
    rotateLog: (id, rotatedPath) => rotateTaskLog(room, id, rotatedPath),
    exec(id, session) {
      room.quickenCgroups();
      const run = session.process.terminal ? execOnTerminal : execDirectly;
      return run(room.tools, id, directoryOf(id), { ...session, process: clampProcess(room, session.process) });
    },
    async list() {
      return readdirSync(runDirectoriesOf(room.execRoot)).filter(isContainerId);
    },
    async close() {
      closing.abort();
      release();
    },
  };
}

function isContainerId(name: string): name is ContainerId {
  try {
    return parseContainerId(name) === name;
  } catch (error) {
    if (error instanceof EngineError) return false;
    throw error;
  }
}
