import { constants } from 'node:os';
import { getSystemErrorMessage } from 'node:util';
import { EngineError, errnoOf } from '#/base/errors.ts';
import { mountAsync } from './mount.ts';

/** What mount(8) makes of `-o`: bits for the kernel, bits that say how mounts spread, and the rest for the file system. */
interface MountOptions {
  readonly flags: number;
  readonly propagation: number;
  readonly data: string;
}

const BIND = 0x1000;
const REC = 0x4000;
const RDONLY = 1;
const REMOUNT = 0x20;
const UNBINDABLE = 0x20000;
const PRIVATE = 0x40000;
const SLAVE = 0x80000;
const SHARED = 0x100000;

/** Options that are bits of mount(2). Source: mount(8), "Filesystem-independent mount options". */
const SETS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    defaults: 0,
    ro: RDONLY,
    nosuid: 2,
    nodev: 4,
    noexec: 8,
    sync: 16,
    remount: REMOUNT,
    mand: 64,
    dirsync: 128,
    noatime: 1024,
    nodiratime: 2048,
    bind: BIND,
    rbind: BIND | REC,
    relatime: 1 << 21,
    strictatime: 1 << 24,
  }),
);
const CLEARS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    rw: RDONLY,
    suid: 2,
    dev: 4,
    exec: 8,
    async: 16,
    nomand: 64,
    atime: 1024,
    diratime: 2048,
    norelatime: 1 << 21,
    nostrictatime: 1 << 24,
  }),
);
const SPREADS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    unbindable: UNBINDABLE,
    runbindable: UNBINDABLE | REC,
    private: PRIVATE,
    rprivate: PRIVATE | REC,
    shared: SHARED,
    rshared: SHARED | REC,
    slave: SLAVE,
    rslave: SLAVE | REC,
  }),
);

/** `ro,size=1m` → bits and data. */
export function parseMountOptions(text: string): MountOptions {
  let flags = 0;
  let propagation = 0;
  const data: string[] = [];
  for (const word of text.split(',').filter((one) => one !== '')) {
    const [sets, clears, spreads] = [SETS.get(word), CLEARS.get(word), SPREADS.get(word)];
    if (sets !== undefined) flags |= sets;
    else if (clears !== undefined) flags &= ~clears;
    else if (spreads !== undefined) propagation |= spreads;
    else data.push(word);
  }
  return { flags, propagation, data: data.join(',') };
}

interface MountRequest {
  readonly source: string;
  readonly target: string;
  /** '' for a bind. */
  readonly type: string;
  /** As after `mount -o`. */
  readonly options: string;
}

/**
 * Mounts as mount(8) would, but by mount(2) alone: no helper program (`mount.nfs`) is asked. Off the event loop, since a
 * server may be slow to answer. The error says what was handed to the kernel: `mount SOURCE:TARGET, data: …: no such device`.
 */
export async function mountWithOptions({ source, target, type, options }: MountRequest): Promise<void> {
  const { flags, propagation, data } = parseMountOptions(options);
  await attempt({ source, target, type, flags, data });
  if (propagation !== 0) await attempt({ source: '', target, type: '', flags: propagation, data: '' });
  // A bind takes no flags of its own: they need a second call.
  if ((flags & BIND) !== 0 && (flags & RDONLY) !== 0) {
    await attempt({ source: '', target, type: '', flags: flags | REMOUNT, data: '' });
  }
}

interface Attempt {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly flags: number;
  readonly data: string;
}

async function attempt({ source, target, type, flags, data }: Attempt): Promise<void> {
  try {
    await mountAsync(source, target, type, flags, data);
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    const what = [
      `mount ${source === '' ? '' : `${source}:`}${target}`,
      ...(flags === 0 ? [] : [`flags: 0x${flags.toString(16)}`]),
      ...(data === '' ? [] : [`data: ${data}`]),
    ].join(', ');
    throw new EngineError('internal', `${what}: ${textOf(errno)}`, { cause: error, errno });
  }
}

/** `ENODEV` → `no such device`. */
function textOf(errno: string): string {
  const number = (constants.errno as Readonly<Record<string, number>>)[errno];
  return number === undefined ? errno : getSystemErrorMessage(-number);
}
