import type { ContainerConfig, Engine, MountSpec } from '#/engine/index.ts';
import { isEngineError } from '#/engine/index.ts';

type KindOf<K extends MountSpec['kind']> = Extract<MountSpec, { kind: K }>;
const orNull = <T>(list: readonly T[]): readonly T[] | null => (list.length === 0 ? null : list);
const unlessEmpty = (key: string, value: object): object => (Object.keys(value).length === 0 ? {} : { [key]: value });

/** `Binds`, `Mounts` and `Tmpfs` of HostConfig, each with what came in by it. */
export function printMountSettings({ mounts }: ContainerConfig): object {
  const asked = mounts.filter((mount) => mount.origin === undefined);
  const tmpfs = asked.flatMap((mount) =>
    mount.kind === 'tmpfs' && mount.writtenOptions !== undefined ? [[mount.target, mount.writtenOptions] as const] : [],
  );
  const typed = asked.flatMap(printMountRequest);
  return {
    Binds: orNull(asked.flatMap(printBind)),
    ...(typed.length === 0 ? {} : { Mounts: typed }),
    ...(tmpfs.length === 0 ? {} : { Tmpfs: Object.fromEntries(tmpfs) }),
  };
}

/** As after `-v`; nothing for what came in by `--mount`. */
function printBind(mount: MountSpec): readonly string[] {
  if ((mount.kind !== 'bind' && mount.kind !== 'volume') || mount.writtenMode === undefined) return [];
  const source = mount.kind === 'bind' ? mount.source : mount.anonymous ? '' : mount.name;
  return [[source, mount.target, mount.writtenMode].filter((part) => part !== '').join(':')];
}

/** As after `--mount`; nothing for what came in by `-v` or `--tmpfs`. */
function printMountRequest(mount: MountSpec): readonly object[] {
  switch (mount.kind) {
    case 'bind':
      return mount.writtenMode === undefined ? [printBindRequest(mount)] : [];
    case 'volume':
      return mount.writtenMode === undefined ? [printVolumeRequest(mount)] : [];
    case 'tmpfs':
      return mount.writtenOptions === undefined ? [printTmpfsRequest(mount)] : [];
    case 'image':
      return [
        {
          Type: 'image',
          Source: mount.reference,
          Target: mount.target,
          ...unlessEmpty('ImageOptions', mount.subpath === undefined ? {} : { Subpath: mount.subpath }),
        },
      ];
    default:
      return mount satisfies never;
  }
}

function printBindRequest(mount: KindOf<'bind'>): object {
  const recursion = {
    preferred: {},
    required: { ReadOnlyForceRecursive: true },
    no: { ReadOnlyNonRecursive: true },
  }[mount.readOnlyRecursive];
  return {
    Type: 'bind',
    Source: mount.source,
    Target: mount.target,
    ...(mount.readOnly ? { ReadOnly: true } : {}),
    BindOptions: {
      Propagation: mount.propagation,
      ...(mount.recursive ? {} : { NonRecursive: true }),
      ...(mount.createSource ? { CreateMountpoint: true } : {}),
      ...recursion,
    },
  };
}

function printVolumeRequest(mount: KindOf<'volume'>): object {
  const driver = {
    ...(mount.driver === '' ? {} : { Name: mount.driver }),
    ...unlessEmpty('Options', mount.driverOptions),
  };
  const options = {
    ...(mount.copyUp ? {} : { NoCopy: true }),
    ...unlessEmpty('Labels', mount.labels),
    ...unlessEmpty('DriverConfig', driver),
    ...(mount.subpath === undefined ? {} : { Subpath: mount.subpath }),
  };
  return {
    Type: 'volume',
    ...(mount.anonymous ? {} : { Source: mount.name }),
    Target: mount.target,
    ...(mount.readOnly ? { ReadOnly: true } : {}),
    ...unlessEmpty('VolumeOptions', options),
  };
}

function printTmpfsRequest({ target, sizeBytes, mode }: KindOf<'tmpfs'>): object {
  const options = {
    ...(sizeBytes === undefined ? {} : { SizeBytes: sizeBytes }),
    ...(mode === undefined ? {} : { Mode: mode }),
  };
  return { Type: 'tmpfs', Target: target, ...unlessEmpty('TmpfsOptions', options) };
}

/** The top-level `Mounts` of inspect and ps. Docker does not count what `--tmpfs` mounts among them. */
export function printMountPoints(engine: Engine, { mounts }: ContainerConfig): readonly object[] {
  return mounts
    .filter((mount) => mount.kind !== 'tmpfs' || mount.writtenOptions === undefined)
    .map((mount) => printMountPoint(engine, mount));
}

function printMountPoint(engine: Engine, mount: MountSpec): object {
  const { kind: Type, target: Destination } = mount;
  switch (mount.kind) {
    case 'bind': {
      const { source: Source, writtenMode: Mode = '', readOnly, propagation: Propagation } = mount;
      return { Type, Source, Destination, Mode, RW: !readOnly, Propagation };
    }
    case 'volume': {
      const { name: Name, readOnly } = mount;
      // As Docker: volumes that are asked for are labelled as shared where SELinux is.
      const Mode = mount.writtenMode || (mount.origin === 'declared' ? '' : 'z');
      const Source = mountpointOf(engine, Name);
      return { Type, Name, Source, Destination, Driver: 'local', Mode, RW: !readOnly, Propagation: '' };
    }
    case 'image':
      return { Type, Source: mount.reference, Destination, Mode: '', RW: false, Propagation: 'rprivate' };
    case 'tmpfs':
      return { Type, Source: '', Destination, Mode: '', RW: !mount.options.includes('ro'), Propagation: '' };
    default:
      return mount satisfies never;
  }
}

function mountpointOf(engine: Engine, name: string): string {
  try {
    return engine.volumes.get(name).mountpoint;
  } catch (error) {
    if (isEngineError(error, 'not-found')) return '';
    throw error;
  }
}
