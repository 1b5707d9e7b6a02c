import { lstatSync, mkdirSync, readlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { EngineError, toEngineError } from '#/base/errors.ts';

const DIRECTORIES = ['/etc', '/dev', '/proc', '/sys'];
const FILES = ['/etc/resolv.conf', '/etc/hostname', '/etc/hosts'];

/**
 * Makes what the engine mounts over a container's own: where an image has links or files in the place of /dev or /proc, the
 * runtime would follow them to wherever they lead (CVE-2026-41579, CVE-2025-31133); Docker's init layer hides them too.
 * The container must not run.
 */
export function plantMountPoints(rootPath: string): void {
  for (const path of DIRECTORIES) {
    const at = join(rootPath, path);
    const stats = lstatSync(at, { throwIfNoEntry: false });
    if (stats === undefined || stats.isDirectory()) continue;
    unlinkSync(at);
    mkdirSync(at, 0o755);
  }
  for (const path of FILES) {
    const at = join(rootPath, path);
    if (lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() !== true) continue;
    unlinkSync(at);
    writeFileSync(at, '', { mode: 0o644 });
  }
}

const LINKS_MAX = 40;

/**
 * Where a path of the container leads, as the container would see it: links are followed inside its root, absolute ones and
 * `..` too, and what does not exist is taken as written. The container must not run. Throws invalid-argument for a loop.
 */
export function resolveInRoot(rootPath: string, path: string): string {
  let resolved = '/';
  const rest = posix.normalize(path).split('/').filter(Boolean);
  for (let links = 0; rest.length > 0; ) {
    const next = posix.join(resolved, rest.shift() ?? '');
    const target = linkTarget(join(rootPath, next));
    if (target === undefined) {
      resolved = next;
      continue;
    }
    if (++links > LINKS_MAX) throw new EngineError('invalid-argument', `${path} goes round in symbolic links`);
    if (target.startsWith('/')) resolved = '/';
    rest.unshift(...target.split('/').filter((part) => part !== '' && part !== '.'));
    if (!target.startsWith('/')) resolved = dirname(next);
  }
  return resolved;
}

function linkTarget(path: string): string | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : undefined;
  } catch (error) {
    throw toEngineError(error, `look at ${path}`);
  }
}

/** Files of /proc whose replacement fools only who reads them. */
const HARMLESS_IN_PROC = new Set(
  [
    'cpuinfo',
    'diskstats',
    'loadavg',
    'meminfo',
    'net/dev',
    'slabinfo',
    'stat',
    'swaps',
    'sys/crypto/fips_enabled',
    'sys/kernel/ns_last_pid',
    'uptime',
  ].map((name) => `/proc/${name}`),
);

/**
 * Refuses to mount over the root, and over what the runtime writes its security settings to (CVE-2019-16884).
 * `destination` is resolved.
 * Throws invalid-argument with Docker's texts.
 */
export function refuseMountTarget(destination: string, source: string | undefined): void {
  if (destination === '/') throw new EngineError('invalid-argument', "invalid mount: destination can't be '/'");
  if (destination === '/proc' && source !== '/proc') {
    throw new EngineError('invalid-argument', '"/proc" cannot be mounted because it is not of type proc');
  }
  if (!destination.startsWith('/proc/') || HARMLESS_IN_PROC.has(destination)) return;
  throw new EngineError(
    'invalid-argument',
    `${JSON.stringify(destination)} cannot be mounted because it is inside /proc`,
  );
}
