import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A mounted ext4 file system of its own, to run full. Gone with the throwaway host, in which this must be called. */
export function mountSmallDisk(name: string, sizeMb: number): string {
  const image = join(tmpdir(), `${name}.ext4`);
  const directory = join(tmpdir(), name);
  closeSync(openSync(image, 'w'));
  truncateSync(image, sizeMb * 1024 * 1024);
  execFileSync('mkfs.ext4', ['-q', '-m', '0', image]);
  mkdirSync(directory);
  execFileSync('mount', ['-o', 'loop', image, directory]);
  return directory;
}

/** Fills the disk except for about `leaveKb`; returns the path of the file that does it. */
export function fillDisk(directory: string, leaveKb: number): string {
  const path = join(directory, 'filler');
  const freeKb = Number(execFileSync('df', ['--output=avail', '-k', directory], { encoding: 'utf8' }).split('\n')[1]);
  writeFileSync(path, '');
  execFileSync('fallocate', ['-l', `${Math.max(1, freeKb - leaveKb)}KiB`, path]);
  return path;
}
