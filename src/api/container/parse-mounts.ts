import { posix } from 'node:path';
import { EngineError, messageOf } from '#/base/errors.ts';
import type { MountSpec, Propagation } from '#/engine/index.ts';
import type { HostConfigRequest, MountRequest } from '#/spec/docker-api/create-container.ts';
import { parseTmpfs } from './parse-tmpfs.ts';

const PROPAGATIONS: readonly Propagation[] = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];
const isPropagation = (text: string): text is Propagation => (PROPAGATIONS as readonly string[]).includes(text);

const invalid = (message: string): EngineError => new EngineError('invalid-argument', message);

/** Every mount that a HostConfig asks for, from all the places where Docker lets clients say so. Throws with Docker's texts. */
export function parseMounts(host: HostConfigRequest): readonly MountSpec[] {
  return [
    ...(host.Binds ?? []).map((text) => parseBind(text, host.VolumeDriver)),
    ...(host.Mounts ?? []).map((mount) => parseMount(mount)),
    ...Object.entries(host.Tmpfs ?? {}).map(([target, options]) => parseTmpfs(target, options)),
  ];
}

/** `CONTAINER[:MODE]`, as written. Throws with Docker's texts. */
export function parseVolumesFrom({ VolumesFrom = [] }: HostConfigRequest): readonly string[] {
  for (const text of VolumesFrom) {
    if (text === '') throw invalid('volumes-from specification cannot be an empty string');
    const mode = text.includes(':') ? text.slice(text.indexOf(':') + 1) : '';
    const isForeign = mode.split(',').some((word) => isPropagation(word) || word === 'nocopy');
    if (isForeign || !isMode(mode)) throw invalid(`invalid mode: ${mode}`);
  }
  return VolumesFrom;
}

/** `[SOURCE:]TARGET[:MODE,…]`: a path of the host, a volume's name, or nothing for an anonymous volume. */
export function parseBind(text: string, volumeDriver = ''): MountSpec {
  const parts = text.split(':');
  const [first = '', second = '', mode = ''] = parts;
  const unclear = first === '' || parts.length > 3 || (parts.length === 2 && isMode(second));
  if (unclear) throw invalid(`invalid volume specification: '${text}'`);
  if (!isMode(mode)) throw invalid(`invalid mode: ${mode}`);
  const [source, target] = parts.length === 1 ? ['', first] : [first, second];
  try {
    return source.startsWith('/')
      ? { ...bindMount(requestOf('bind', source, target, mode)), createSource: true, writtenMode: mode }
      : { ...volumeMount(requestOf('volume', source, target, mode)), driver: volumeDriver, writtenMode: mode };
  } catch (error) {
    throw invalid(`invalid volume specification: '${text}': ${messageOf(error)}`);
  }
}

const KINDS_OF_MODE: readonly ((word: string) => boolean)[] = [
  (word) => word === 'rw' || word === 'ro',
  (word) => word === 'z' || word === 'Z',
  isPropagation,
  (word) => word === 'nocopy',
  (word) => ['consistent', 'cached', 'delegated'].includes(word),
];

/** Whether a text can stand where a mode does: words of a known kind, at most one of each. */
function isMode(text: string): boolean {
  const words = text === '' ? [] : text.split(',');
  const counts = KINDS_OF_MODE.map((isOfKind) => words.filter(isOfKind).length);
  return counts.every((count) => count <= 1) && counts.reduce((sum, count) => sum + count, 0) === words.length;
}

/** A bind as `--mount` would have asked for it. */
function requestOf(type: string, source: string, target: string, mode: string): MountRequest {
  const words = mode.split(',');
  const propagation = words.find(isPropagation);
  return {
    ...NOTHING_ASKED,
    Type: type,
    Source: source,
    Target: target,
    ReadOnly: words.includes('ro'),
    BindOptions: propagation === undefined ? undefined : { ...NO_BIND_OPTIONS, Propagation: propagation },
    VolumeOptions: words.includes('nocopy') ? { ...NO_VOLUME_OPTIONS, NoCopy: true } : undefined,
  };
}

const NOTHING_ASKED: MountRequest = {
  Type: undefined,
  Source: undefined,
  Target: undefined,
  ReadOnly: undefined,
  Consistency: undefined,
  BindOptions: undefined,
  VolumeOptions: undefined,
  ImageOptions: undefined,
  TmpfsOptions: undefined,
};
const NO_BIND_OPTIONS = {
  Propagation: undefined,
  NonRecursive: undefined,
  CreateMountpoint: undefined,
  ReadOnlyNonRecursive: undefined,
  ReadOnlyForceRecursive: undefined,
};
const NO_VOLUME_OPTIONS = { NoCopy: undefined, Labels: undefined, DriverConfig: undefined, Subpath: undefined };

function parseMount(mount: MountRequest): MountSpec {
  switch (mount.Type) {
    case 'bind':
      return bindMount(mount);
    case 'volume':
      return volumeMount(mount);
    case 'tmpfs':
      return tmpfsMount(mount);
    case 'image':
      return imageMount(mount);
    default:
      checkTarget(mount);
      throw refused(mount, 'mount type unknown');
  }
}

type KindOf<K extends MountSpec['kind']> = Extract<MountSpec, { kind: K }>;

const refused = ({ Type = '' }: MountRequest, why: string): EngineError =>
  invalid(`invalid mount config for type "${Type}": ${why}`);

function checkTarget(mount: MountRequest): string {
  const { Target: target = '' } = mount;
  if (target === '') throw refused(mount, 'field Target must not be empty');
  if (posix.normalize(`${target}/`) === '/') throw refused(mount, "invalid specification: destination can't be '/'");
  if (!target.startsWith('/')) throw refused(mount, `invalid mount path: '${target}' mount path must be absolute`);
  return target;
}

function refuseFields(mount: MountRequest, ...fields: readonly (keyof MountRequest)[]): void {
  const extra = fields.find((field) => mount[field] !== undefined && mount[field] !== '');
  if (extra !== undefined) throw refused(mount, `field ${extra} must not be specified`);
}

function bindMount(mount: MountRequest): KindOf<'bind'> {
  const target = checkTarget(mount);
  const { Source: source = '', ReadOnly: readOnly = false } = mount;
  const options = mount.BindOptions ?? NO_BIND_OPTIONS;
  const propagation = options.Propagation || 'rprivate';
  if (source === '') throw refused(mount, 'field Source must not be empty');
  if (!isPropagation(propagation)) throw refused(mount, `invalid propagation mode: ${propagation}`);
  refuseFields(mount, 'VolumeOptions', 'ImageOptions', 'TmpfsOptions');
  if (!source.startsWith('/')) throw refused(mount, `invalid mount path: '${source}' mount path must be absolute`);
  if (options.ReadOnlyForceRecursive === true && options.ReadOnlyNonRecursive === true)
    throw refused(mount, 'mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive');
  return {
    kind: 'bind',
    source,
    target,
    readOnly,
    propagation,
    recursive: options.NonRecursive !== true,
    readOnlyRecursive: readOnlyRecursion(options),
    createSource: options.CreateMountpoint ?? false,
    writtenMode: undefined,
  };
}

function readOnlyRecursion(options: NonNullable<MountRequest['BindOptions']>): KindOf<'bind'>['readOnlyRecursive'] {
  if (options.ReadOnlyForceRecursive === true) return 'required';
  return options.ReadOnlyNonRecursive === true ? 'no' : 'preferred';
}

function volumeMount(mount: MountRequest): KindOf<'volume'> {
  const target = checkTarget(mount);
  const { Source: name = '', ReadOnly: readOnly = false } = mount;
  const options = mount.VolumeOptions ?? NO_VOLUME_OPTIONS;
  const anonymous = name === '';
  refuseFields(mount, 'BindOptions', 'ImageOptions', 'TmpfsOptions');
  const subpath = parseSubpath(mount, options.Subpath);
  if (anonymous && subpath !== undefined) throw refused(mount, 'must not set Subpath when using anonymous volumes');
  if (anonymous && readOnly) throw refused(mount, 'must not set ReadOnly mode when using anonymous volumes');
  return {
    kind: 'volume',
    name,
    target,
    readOnly,
    copyUp: options.NoCopy !== true,
    subpath,
    driver: options.DriverConfig?.Name ?? '',
    driverOptions: options.DriverConfig?.Options ?? {},
    labels: options.Labels ?? {},
    anonymous,
    writtenMode: undefined,
  };
}

/** Only the first look: what lies there is found when it is mounted, and links may lead out only then. */
function parseSubpath(mount: MountRequest, subpath: string | undefined): string | undefined {
  if (subpath === undefined || subpath === '') return undefined;
  const isLocal = !subpath.startsWith('/') && !posix.normalize(subpath).split('/').includes('..');
  if (!isLocal || subpath.includes('\0')) throw refused(mount, 'subpath must be a relative path within the volume');
  return subpath;
}

function imageMount(mount: MountRequest): KindOf<'image'> {
  const target = checkTarget(mount);
  refuseFields(mount, 'BindOptions', 'VolumeOptions', 'TmpfsOptions');
  const { Source: reference = '' } = mount;
  if (reference === '') throw refused(mount, 'field Source must not be empty');
  const subpath = parseSubpath(mount, mount.ImageOptions?.Subpath);
  return { kind: 'image', reference, imageId: undefined, layers: [], target, subpath };
}

function tmpfsMount(mount: MountRequest): KindOf<'tmpfs'> {
  const target = checkTarget(mount);
  refuseFields(mount, 'BindOptions', 'Source', 'VolumeOptions', 'ImageOptions');
  const { SizeBytes, Mode, Options } = mount.TmpfsOptions ?? {};
  const options = [...(Options ?? []).map((pair) => pair.join('=')), ...(mount.ReadOnly === true ? ['ro'] : [])];
  return { kind: 'tmpfs', target, sizeBytes: SizeBytes, mode: Mode, options, writtenOptions: undefined };
}
