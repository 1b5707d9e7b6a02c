import { readFile, stat } from 'node:fs/promises';
import { EngineError, errnoOf } from '#/base/errors.ts';
import type { BootstrapDeps, ProvideImageOptions } from './bootstrap.ts';
import { isStaticElf } from './elf.ts';
import { ensureProgram } from './install.ts';
import { hostPlatform, IMAGE_PATH } from './platform.ts';
import { type TarEntry, writeTar } from './tar.ts';

interface Busybox {
  readonly data: Uint8Array;
  readonly mtimeSec: number;
  readonly applets: readonly string[];
  /** `BusyBox v1.35.0 (Debian 1:1.35.0-4+b1)`. */
  readonly version: string;
}

const NAMES = ['/bin/busybox.static', 'busybox'];

/**
 * An image of one static busybox with all its applets. The time of everything in it is the time of that file, which the
 * package fixes: the same package gives the same image everywhere.
 */
export async function importBusybox(
  deps: BootstrapDeps,
  references: readonly string[],
  { signal, onProgress }: ProvideImageOptions,
): Promise<void> {
  const found = await findBusybox(deps);
  if (found === undefined) onProgress?.('Installing busybox from the distribution');
  if (found === undefined) await ensureProgram(deps.programs, 'busybox', signal);
  const busybox = found ?? (await findBusybox(deps));
  if (busybox === undefined) throw new EngineError('unavailable', 'there is no static busybox on this machine');
  onProgress?.(`Assembling ${busybox.version}`);
  const created = new Date(busybox.mtimeSec * 1000).toISOString();
  const config = {
    ...hostPlatform(),
    created,
    config: { Env: [IMAGE_PATH], Cmd: ['sh'] },
    history: [{ created, created_by: `gantry: ${busybox.version}` }],
  };
  const layers = [writeTar(entriesOf(busybox), busybox.mtimeSec)];
  await deps.images.importImage({ config, layers, references }, signal === undefined ? {} : { signal });
}

async function findBusybox({ programs }: BootstrapDeps): Promise<Busybox | undefined> {
  for (const name of NAMES) {
    const path = await programs.find(name);
    if (path === undefined) continue;
    const data = await readFile(path).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return new Uint8Array();
      throw error;
    });
    if (!isStaticElf(data)) continue;
    const { mtimeMs } = await stat(path);
    const list = await programs.run(path, ['--list'], { timeoutMs: 10_000 });
    const about = await programs.run(path, [], { timeoutMs: 10_000 });
    return {
      data,
      mtimeSec: Math.floor(mtimeMs / 1000),
      applets: list.stdout.split('\n').filter((applet) => /^[A-Za-z0-9_.[-]+$/.test(applet) && applet !== 'busybox'),
      version: about.stdout.split('\n', 1)[0]?.replace(/ multi-call binary.*/, '') ?? 'busybox',
    };
  }
  return undefined;
}

const DIRECTORIES = ['bin', 'dev', 'etc', 'home', 'proc', 'sys', 'usr', 'usr/bin', 'usr/sbin', 'var', 'var/spool'];

const FILES: Readonly<Record<string, string>> = {
  'etc/group': 'root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\ntty:x:5:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65534:\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
  'etc/passwd': [
    'root:x:0:0:root:/root:/bin/sh',
    'daemon:x:1:1:daemon:/usr/sbin:/bin/false',
    'bin:x:2:2:bin:/bin:/bin/false',
    'www-data:x:33:33:www-data:/var/www:/bin/false',
    'nobody:x:65534:65534:nobody:/home:/bin/false\n',
  ].join('\n'),
};

function entriesOf({ data, applets }: Busybox): readonly TarEntry[] {
  const directory = (name: string, mode = 0o755): TarEntry => ({ kind: 'directory', name, mode });
  const file = (name: string, mode: number, content: Uint8Array): TarEntry => ({
    kind: 'file',
    name,
    mode,
    data: content,
  });
  return [
    ...DIRECTORIES.map((name) => directory(name)),
    directory('root', 0o700),
    directory('tmp', 0o1777),
    directory('var/tmp', 0o1777),
    file('bin/busybox', 0o755, data),
    ...applets.toSorted().map((name): TarEntry => ({ kind: 'symlink', name: `bin/${name}`, target: 'busybox' })),
    ...Object.entries(FILES).map(([name, text]) => file(name, 0o644, Buffer.from(text))),
    file('etc/shadow', 0o640, Buffer.from('root:*::0:::::\nnobody:*::0:::::\n')),
    // Scripts begin with this path.
    { kind: 'symlink', name: 'usr/bin/env', target: '../../bin/env' },
  ];
}
