import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { EngineError } from '#/base/errors.ts';
import { type CgroupHost, locateCgroup } from '#/linux/cgroup.ts';
import { killCgroup, removeCgroup } from '#/linux/cgroup-remove.ts';
import type { ProgramRunner } from '#/linux/process.ts';
import { classifyCreateFailure, runtimeWords } from './create-failure.ts';
import type { RuntimeInfo } from './runtime.ts';

/** In the order of choice: crun starts a container in a third of runc's time. */
const CANDIDATES = ['crun', 'runc'];
const PROBE_TIMEOUT_MS = 10_000;

export interface ChooseRuntime {
  readonly programs: ProgramRunner;
  readonly execRoot: string;
  readonly cgroups: CgroupHost;
  readonly systemdCgroup: boolean;
  /** Name or path of the only runtime to take. */
  readonly preferred?: string;
}

/**
 * Finds the OCI runtime and the monitor, and has the runtime really create a container on this host (its program is
 * missing on purpose, so nothing runs). Throws unavailable, with what was tried, where none can.
 */
export async function chooseRuntime(input: ChooseRuntime): Promise<{ info: RuntimeInfo; conmonPath: string }> {
  await sweepTrials(input);
  await sweepTrials(input);
  const [conmon, ...probes] = await Promise.all([
    findMonitor(input.programs),
    ...candidatesOf(input).map((name) => probeRuntime(input, name)),
  ]);
  const index = probes.findIndex((probe) => probe.failure === undefined);
  const chosen = probes[index];
  const refused = probes
    .filter((probe) => probe.failure !== undefined)
    .map((probe) => `${probe.name}: ${probe.failure}`);
  if (chosen === undefined) {
    throw new EngineError('unavailable', `no OCI runtime can run containers on this host (${refused.join('; ')})`);
  }
  const why =
    input.preferred === undefined ? 'the first of crun and runc that can create containers here' : 'configured';
  const passedOver = probes.slice(0, index).map((probe) => `${probe.name}: ${probe.failure}`);
  return {
    conmonPath: conmon.path,
    info: {
      name: chosen.name,
      path: chosen.path,
      version: chosen.version,
      reason: passedOver.length === 0 ? why : `${why} (${passedOver.join('; ')})`,
      monitorVersion: conmon.version,
    },
  };
}

const candidatesOf = ({ preferred }: ChooseRuntime): readonly string[] =>
  preferred === undefined ? CANDIDATES : [preferred];

async function findMonitor(programs: ProgramRunner): Promise<{ path: string; version: string }> {
  const path = await programs.find('conmon');
  if (path === undefined) {
    throw new EngineError('unavailable', 'the container monitor conmon is not installed on this host');
  }
  const [version, help] = await Promise.all([programs.run(path, ['--version']), programs.run(path, ['--help'])]);
  if (!help.stdout.includes('--full-attach')) {
    throw new EngineError('unavailable', `${path} is too old: it has no --full-attach (2.0.22 and later do)`);
  }
  return { path, version: /conmon version (\S+)/.exec(version.stdout)?.[1] ?? 'unknown' };
}

interface Probe {
  readonly name: string;
  readonly path: string;
  readonly version: string;
  /** Why it cannot be used; undefined where it can. */
  readonly failure: string | undefined;
}

async function probeRuntime(input: ChooseRuntime, candidate: string): Promise<Probe> {
  const name = basename(candidate);
  const path = await input.programs.find(candidate);
  if (path === undefined) return { name, path: '', version: '', failure: 'not installed' };
  const [version, failure] = await Promise.all([
    input.programs.run(path, ['--version'], { timeoutMs: PROBE_TIMEOUT_MS }),
    tryCreate(input, path),
  ]);
  return { name, path, version: /version (\S+)/.exec(version.stdout)?.[1] ?? 'unknown', failure };
}

const trialsOf = (execRoot: string): string => join(execRoot, 'trials');

/** Takes apart what trials left whose engine was killed. */
async function sweepTrials({ execRoot, cgroups }: ChooseRuntime): Promise<void> {
  const trials = trialsOf(execRoot);
  mkdirSync(trials, { recursive: true, mode: 0o700 });
  for (const id of readdirSync(trials)) {
    const cgroup = locateCgroup(cgroups, `/${id}`);
    await killCgroup(cgroup);
    await removeCgroup(cgroup);
    rmSync(join(trials, id), { recursive: true, force: true });
  }
}

/** Undefined where the runtime gets as far as looking for the program. */
async function tryCreate(
  { programs, execRoot, systemdCgroup }: ChooseRuntime,
  path: string,
): Promise<string | undefined> {
  const bundle = mkdtempSync(join(trialsOf(execRoot), 'gantry-trial-'));
  const id = basename(bundle);
  const global = [`--root=${join(bundle, 'state')}`, ...(systemdCgroup ? ['--systemd-cgroup'] : [])];
  try {
    for (const directory of ['proc', 'dev']) mkdirSync(join(bundle, 'rootfs', directory), { recursive: true });
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(probeConfig(id, systemdCgroup)));
    const created = await programs.run(path, [...global, 'create', '--bundle', bundle, id], {
      timeoutMs: PROBE_TIMEOUT_MS,
    });
    const text = runtimeWords(created.stderr);
    if (created.code !== 0 && classifyCreateFailure(text) === 'command-not-found') return undefined;
    return text === '' ? `a trial container ended with code ${created.code}` : text;
  } finally {
    await programs.run(path, [...global, 'delete', '--force', id], { timeoutMs: PROBE_TIMEOUT_MS });
    rmSync(bundle, { recursive: true, force: true });
  }
}

const probeConfig = (id: string, systemdCgroup: boolean): object => ({
  ociVersion: '1.0.2',
  root: { path: 'rootfs', readonly: true },
  process: { terminal: false, user: { uid: 0, gid: 0 }, args: ['/gantry-probe'], env: [], cwd: '/' },
  mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
  linux: {
    cgroupsPath: systemdCgroup ? `system.slice:gantry:${id}` : `/${id}`,
    namespaces: [{ type: 'pid' }, { type: 'mount' }],
  },
});
