import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { EngineError, errnoOf, toEngineError } from '#/base/errors.ts';
import { readMountInfo } from './mount-info.ts';

/** One mounted tree of control groups. */
export interface CgroupHierarchy {
  readonly version: 1 | 2;
  /** Where its root is seen. */
  readonly directory: string;
  readonly controllers: readonly string[];
  /**
   * True where something else is mounted over it (the engine hides the unified hierarchy of a hybrid host from crun): the
   * runtime leaves plain directories there, to be removed with the group.
   */
  readonly hidden: boolean;
}

/** How this host arranges its control groups. */
export interface CgroupHost {
  readonly mode: 'v1' | 'hybrid' | 'v2' | 'none';
  readonly hierarchies: readonly CgroupHierarchy[];
  /** All controllers that containers can be given here; of a hybrid host, those of v1. */
  readonly controllers: readonly string[];
  /** True where systemd manages the tree, so that groups should be asked of it. */
  readonly systemdOwned: boolean;
}

export type CgroupDriver = 'cgroupfs' | 'systemd';

/** Where one container's group is: `ociPath` is what the runtime is given, `path` what it makes of it. */
export interface CgroupName {
  readonly ociPath: string;
  readonly path: string;
}

/** One group in all its hierarchies; it need not exist. */
export interface Cgroup {
  /** Absolute, from the root of each hierarchy. */
  readonly path: string;
  readonly directories: readonly (CgroupHierarchy & { readonly root: string })[];
}

/** Reads how control groups are mounted in this process's namespace. */
export function probeCgroups(): CgroupHost {
  const rows = readMountInfo();
  const hierarchies = rows
    .filter(({ type }) => type === 'cgroup' || type === 'cgroup2')
    .map((row): CgroupHierarchy => {
      const hidden = rows.findLast(({ target }) => target === row.target) !== row;
      const version = row.type === 'cgroup2' ? 2 : 1;
      const controllers = hidden
        ? []
        : version === 2
          ? unifiedControllers(row.target)
          : v1Controllers(row.superOptions);
      return { version, directory: row.target, controllers, hidden };
    })
    .filter(({ directory }, index, all) => all.findLastIndex((other) => other.directory === directory) === index);
  const hasV1 = hierarchies.some(({ version, controllers }) => version === 1 && controllers.length > 0);
  const hasV2 = hierarchies.some(({ version }) => version === 2);
  return {
    mode: hasV1 ? (hasV2 ? 'hybrid' : 'v1') : hasV2 ? 'v2' : 'none',
    hierarchies,
    controllers: hierarchies.filter(({ version }) => version === 1 || !hasV1).flatMap(({ controllers }) => controllers),
    systemdOwned: existsSync('/run/systemd/system'),
  };
}

function unifiedControllers(directory: string): readonly string[] {
  return words(readIfExists(join(directory, 'cgroup.controllers')) ?? '');
}

/** The mount options of a v1 hierarchy are its controllers, or `name=…` for one that only groups, among general ones. */
function v1Controllers(superOptions: readonly string[]): readonly string[] {
  const known = new Set(
    (readIfExists('/proc/cgroups') ?? '')
      .split('\n')
      .flatMap((line) => (line.startsWith('#') ? [] : line.split('\t', 1))),
  );
  return superOptions.filter((option) => known.has(option));
}

/**
 * The group of a container, computed from its id. `parent` is a path for cgroupfs (`/gantry` by default) and a slice for
 * systemd (`system.slice` by default).
 */
export function cgroupNameFor(containerId: string, driver: CgroupDriver, parent?: string): CgroupName {
  if (driver === 'systemd') {
    const slice = parent || 'system.slice';
    if (!/^[A-Za-z0-9_.:@-]+\.slice$/.test(slice)) {
      throw new EngineError(
        'invalid-argument',
        'cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"',
      );
    }
    return { ociPath: `${slice}:gantry:${containerId}`, path: `${slicePath(slice)}/gantry-${containerId}.scope` };
  }
  const path = join('/', parent || 'gantry', containerId);
  return { ociPath: path, path };
}

/** systemd nests slices by their dashes: `a-b.slice` is `/a.slice/a-b.slice`. */
function slicePath(slice: string): string {
  if (slice === '-.slice') return '';
  const parts = slice.slice(0, -'.slice'.length).split('-');
  return parts.map((_, i) => `/${parts.slice(0, i + 1).join('-')}.slice`).join('');
}

/** The group at a path from the root of every hierarchy. Throws for the root itself, which is nobody's to touch. */
export function locateCgroup(host: CgroupHost, path: string): Cgroup {
  const normal = join('/', path);
  if (normal === '/') throw new EngineError('invalid-argument', 'the root of all control groups is not a container’s');
  const directories = host.hierarchies.map((hierarchy) => ({
    ...hierarchy,
    root: hierarchy.directory,
    directory: join(hierarchy.directory, normal),
  }));
  return { path: normal, directories };
}

/** The directory of the group in the hierarchy that has this controller; undefined where none has, or it is not there. */
export function findControllerDirectory(cgroup: Cgroup, controller: string): string | undefined {
  const found = cgroup.directories.find(({ controllers }) => controllers.includes(controller));
  return found !== undefined && existsSync(found.directory) ? found.directory : undefined;
}

/** The processes in the group and in all groups below it, ascending; none where the group is gone. */
export function listPids(cgroup: Cgroup): readonly number[] {
  const pids = new Set<number>();
  for (const { directory, hidden } of cgroup.directories) {
    if (hidden) continue;
    for (const group of [directory, ...listBelow(directory)]) {
      for (const pid of words(readIfExists(join(group, 'cgroup.procs')) ?? '')) pids.add(Number(pid));
    }
  }
  return [...pids].sort((a, b) => a - b);
}

/** How many processes of the group the kernel has killed for want of memory; 0 where the group is gone. */
export function readOomKills(cgroup: Cgroup): number {
  const directory = findControllerDirectory(cgroup, 'memory');
  if (directory === undefined) return 0;
  const text =
    readIfExists(join(directory, 'memory.events')) ?? readIfExists(join(directory, 'memory.oom_control')) ?? '';
  return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0);
}

/** The names of the groups directly in this one, in whatever hierarchy, so that those that no container owns can be swept. */
export function listCgroups(parent: Cgroup): readonly string[] {
  const names = parent.directories.flatMap(({ directory }) => listChildren(directory).map((path) => basename(path)));
  return [...new Set(names)].sort();
}

/** All groups below a directory, children before their parents. */
export function listBelow(directory: string): readonly string[] {
  return listChildren(directory).flatMap((child) => [...listBelow(child), child]);
}

function listChildren(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => join(directory, entry.name));
  } catch (error) {
    if (isGone(error)) return [];
    throw toEngineError(error, `list the control groups in ${directory}`);
  }
}

/** A control file's text; undefined where it or its group is not there. */
export function readIfExists(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // EOPNOTSUPP: cgroup.procs of a threaded group. ENODEV: the group went between open and read.
    if (isGone(error) || errnoOf(error) === 'EOPNOTSUPP') return undefined;
    throw toEngineError(error, `read ${path}`);
  }
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENODEV', 'ENOTDIR'].includes(errnoOf(error) ?? '');
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
