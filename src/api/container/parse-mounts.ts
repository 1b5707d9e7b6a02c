import { EngineError } from '#/base/errors.ts';
import type { MountSpec, Propagation } from '#/engine/index.ts';
import type { HostConfigRequest, MountRequest } from '#/spec/docker-api/create-container.ts';

const PROPAGATIONS: readonly Propagation[] = ['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave'];
const isPropagation = (text: string): text is Propagation => (PROPAGATIONS as readonly string[]).includes(text);

const invalid = (message: string): EngineError => new EngineError('invalid-argument', message);
const volumesMissing = (what: string): EngineError =>
  new EngineError('not-implemented', `volumes are not implemented in this version of Gantry: ${what}`);

/** Every mount that a HostConfig asks for, from all the places where Docker lets clients say so. */
export function parseMounts(host: HostConfigRequest): readonly MountSpec[] {
  if (host.VolumesFrom !== undefined && host.VolumesFrom.length > 0)
    throw volumesMissing(`--volumes-from ${host.VolumesFrom[0]}`);
  return [
    ...(host.Binds ?? []).map(parseBind),
    ...(host.Mounts ?? []).map(parseMount),
    ...Object.entries(host.Tmpfs ?? {}).map(([target, options]) => parseTmpfs(target, options)),
  ];
}

/** `SOURCE:TARGET[:MODE,…]`. Throws with Docker's texts. */
export function parseBind(text: string): MountSpec {
  const parts = text.split(':');
  const [source = '', target = '', mode] = parts;
  if (parts.length < 2 || parts.length > 3 || source === '' || target === '') {
    throw invalid(`invalid volume specification: '${text}'`);
  }
  if (!target.startsWith('/')) {
    throw invalid(`${named(text)}invalid mount path: '${target}' mount path must be absolute`);
  }
  if (!source.startsWith('/'))
    throw volumesMissing(`-v ${text} names the volume ${JSON.stringify(source)}; bind mounts take absolute paths`);
  return {
    kind: 'bind',
    source,
    target,
    recursive: true,
    createSource: true,
    writtenMode: mode ?? '',
    ...parseMode(text, mode),
  };
}

const named = (text: string): string =>
  `invalid volume specification: '${text}': invalid mount config for type "bind": `;

function parseMode(text: string, mode: string | undefined): { readOnly: boolean; propagation: Propagation } {
  let readOnly = false;
  let propagation: Propagation = 'rprivate';
  const words = mode === undefined || mode === '' ? [] : mode.split(',');
  const accesses = words.filter((word) => word === 'ro' || word === 'rw');
  if (accesses.length > 1) throw invalid(`invalid mode: ${mode}`);
  for (const word of words) {
    if (word === 'ro') readOnly = true;
    else if (isPropagation(word)) propagation = word;
    else if (word === 'nocopy') throw invalid(`${named(text)}field VolumeOptions must not be specified`);
    else if (!['rw', 'z', 'Z', 'consistent', 'cached', 'delegated'].includes(word)) {
      throw invalid(`invalid mode: ${mode}`);
    }
  }
  return { readOnly, propagation };
}

function parseMount(mount: MountRequest): MountSpec {
  const target = mount.Target ?? '';
  if (target === '')
    throw invalid(`invalid mount config for type "${mount.Type ?? ''}": field Target must not be empty`);
  switch (mount.Type) {
    case 'bind':
      return parseBindMount(mount, target);
    case 'tmpfs': {
      if (mount.Source !== undefined && mount.Source !== '') {
        throw invalid('invalid mount config for type "tmpfs": field Source must not be specified');
      }
      const { SizeBytes, Mode, Options } = mount.TmpfsOptions ?? {};
      const options = [...(Options ?? []).map((pair) => pair.join('=')), ...(mount.ReadOnly === true ? ['ro'] : [])];
      return { kind: 'tmpfs', target, sizeBytes: SizeBytes, mode: Mode, options, writtenOptions: undefined };
    }
    case 'volume':
      throw volumesMissing(`--mount type=volume,target=${target}`);
    default:
      throw invalid(`invalid mount config for type "${mount.Type ?? ''}": mount type unknown`);
  }
}

function parseBindMount(mount: MountRequest, target: string): MountSpec {
  const source = mount.Source ?? '';
  const { Propagation: propagation = 'rprivate', NonRecursive, CreateMountpoint } = mount.BindOptions ?? {};
  if (source === '') throw invalid('invalid mount config for type "bind": field Source must not be empty');
  if (!source.startsWith('/')) {
    throw invalid(`invalid mount config for type "bind": invalid mount path: '${source}' mount path must be absolute`);
  }
  const chosen = propagation === '' ? 'rprivate' : propagation;
  if (!isPropagation(chosen))
    throw invalid(`invalid mount config for type "bind": invalid propagation mode: ${propagation}`);
  return {
    kind: 'bind',
    source,
    target,
    readOnly: mount.ReadOnly ?? false,
    propagation: chosen,
    recursive: NonRecursive !== true,
    createSource: CreateMountpoint ?? false,
    writtenMode: undefined,
  };
}

const SIZE = /^(\d+)([kmgt]?)(i?b?)$/i;
const SIZE_FACTOR: Readonly<Record<string, number>> = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };
const TMPFS_WORDS =
  /^(rw|ro|suid|nosuid|dev|nodev|exec|noexec|sync|async|dirsync|remount|mand|nomand|atime|noatime|diratime|nodiratime|bind|rbind|unbindable|runbindable|private|rprivate|shared|rshared|slave|rslave|relatime|norelatime|strictatime|nostrictatime|mode=\d+|uid=\d+|gid=\d+|nr_inodes=\w+|nr_blocks=\w+|mpol=.+)$/;

/** `--tmpfs TARGET:OPTIONS`. Throws with Docker's texts. */
export function parseTmpfs(target: string, written: string): MountSpec {
  let sizeBytes: number | undefined;
  let mode: number | undefined;
  const options: string[] = [];
  for (const word of written === '' ? [] : written.split(',')) {
    const size = word.startsWith('size=') ? SIZE.exec(word.slice(5)) : null;
    if (size !== null) sizeBytes = Number(size[1]) * (SIZE_FACTOR[(size[2] ?? '').toLowerCase()] ?? 1);
    else if (/^mode=[0-7]+$/.test(word)) mode = Number.parseInt(word.slice(5), 8);
    else if (TMPFS_WORDS.test(word) || /^size=\d+%$/.test(word)) options.push(word);
    else
      throw invalid(
        `invalid tmpfs option [${word
          .split('=')
          .map((part) => JSON.stringify(part))
          .join(' ')}]`,
      );
  }
  return { kind: 'tmpfs', target, sizeBytes, mode, options, writtenOptions: written };
}
