import { EngineError, errnoOf } from '#/base/errors.ts';
import { MOUNT_ATTR, mountFileSystem } from './fs-context.ts';
import { bindMount, MS, mount } from './mount.ts';

export interface OverlayMount {
  /** Topmost first. */
  readonly lowerDirectories: readonly string[];
  /** Where writes go; without it the tree is read-only. Both on one file system, `work` empty. */
  readonly writable?: { readonly upper: string; readonly work: string };
  readonly target: string;
  /** Never sync the writable directory, also not when unmounting; after a crash of the host its contents are undefined. */
  readonly volatile?: boolean;
  readonly readOnly?: boolean;
}

type Option = readonly [key: string, value: string | true];

/** What keeps each write in the upper directory complete by itself, whatever the kernel's defaults are. */
const SELF_CONTAINED_UPPER: readonly Option[] = [
  ['index', 'off'],
  ['metacopy', 'off'],
  ['redirect_dir', 'off'],
];
const OPTIONS_LIMIT_BYTES = 4095;

/** Mounts an overlay (kernel: Documentation/filesystems/overlayfs.rst). A `volatile` one must have no `work/incompat`. */
export function mountOverlay(overlay: OverlayMount): void {
  const { lowerDirectories, writable, target, readOnly = false } = overlay;
  const [only] = lowerDirectories;
  if (only === undefined) throw new EngineError('invalid-argument', `mount overlay on ${target}: no lower directories`);
  // An overlay of one tree and nothing above it is refused by the kernel.
  if (writable === undefined && lowerDirectories.length === 1) {
    bindMount(only, target, { readOnly: true });
    return;
  }
  const options: readonly Option[] = [
    ...(writable === undefined
      ? []
      : ([
          ['upperdir', writable.upper],
          ['workdir', writable.work],
        ] as const)),
    ...(writable !== undefined && overlay.volatile ? ([['volatile', true]] as const) : []),
    ...SELF_CONTAINED_UPPER,
  ];
  const lowers = lowerDirectories.map((path) => ['lowerdir+', path] as const);
  const attributes = readOnly ? MOUNT_ATTR.RDONLY : 0;
  try {
    mountFileSystem({ type: 'overlay', options: [...lowers, ...options], attributes }, target);
  } catch (error) {
    if (!lacksNewInterface(error)) throw error;
    mountWithinOnePage(lowerDirectories, options, target, readOnly);
  }
}

/** fsopen came with Linux 5.2, `lowerdir+` with 6.5; a value of 256 bytes or more is refused as an unknown option is. */
function lacksNewInterface(error: unknown): boolean {
  return errnoOf(error) === 'ENOSYS' || (errnoOf(error) === 'EINVAL' && /\(option /.test(String(error)));
}

function mountWithinOnePage(
  lowerDirectories: readonly string[],
  options: readonly Option[],
  target: string,
  readOnly: boolean,
): void {
  const data = printOverlayOptions(lowerDirectories, options);
  if (Buffer.byteLength(data) > OPTIONS_LIMIT_BYTES) {
    throw new EngineError(
      'resource-exhausted',
      `mount overlay on ${target}: the paths of ${lowerDirectories.length} layers are longer than the ${OPTIONS_LIMIT_BYTES} bytes that this kernel takes (any number from Linux 6.5 on)`,
    );
  }
  mount('overlay', target, 'overlay', readOnly ? MS.RDONLY : 0, data);
}

/** Options as mount(2) takes them: colons part lower directories, commas part options, a backslash escapes both. */
export function printOverlayOptions(lowerDirectories: readonly string[], options: readonly Option[]): string {
  const lower = lowerDirectories.map((path) => path.replaceAll(/[\\,:]/g, '\\$&')).join(':');
  const further = options.map(([key, value]) =>
    value === true ? key : `${key}=${value.replaceAll(/[\\,]/g, '\\$&')}`,
  );
  return [`lowerdir=${lower}`, ...further].join(',');
}
