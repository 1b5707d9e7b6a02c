import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestDaemon } from './daemon.ts';

/** What the throwaway host holds, seen with other eyes than the engine's. Comparable with deepEqual. */
export interface World {
  readonly mounts: readonly string[];
  readonly links: readonly string[];
  readonly nftRules: readonly string[];
  readonly controlGroups: readonly string[];
  readonly processes: readonly string[];
  /** Below the exec root and the data root, to the depth where containers, roots and layers are named. */
  readonly paths: readonly string[];
}

/** Everything that a container could leave behind, now. The caller must stand in a throwaway host. */
export function worldSnapshot(daemon: Pick<TestDaemon, 'dataRoot' | 'execRoot'>): World {
  return {
    processes: listProcesses(),
    mounts: listMounts(daemon.execRoot),
    links: JSON.parse(run('ip', ['-j', 'link']) || '[]').map((link: { ifname: string }) => link.ifname),
    nftRules: listNftRules(),
    controlGroups: readdirSync('/sys/fs/cgroup').flatMap((name) => listDirectories(join('/sys/fs/cgroup', name), 4)),
    paths: [...listPaths(daemon.execRoot, 2), ...listPaths(daemon.dataRoot, 2)],
  };
}

/** Waits until the world is as it was before, for things that end soon after an answer; fails with the difference. */
export async function assertSameWorld(
  daemon: Pick<TestDaemon, 'dataRoot' | 'execRoot'>,
  before: World,
  timeoutMs = 5000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const now = worldSnapshot(daemon);
    try {
      assert.deepEqual(now, before);
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await sleep(100);
  }
}

function listProcesses(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        const isKernel = words[0] === '';
        return isKernel ? [] : [`${pid} ${words.slice(0, 3).join(' ')}`];
      } catch {
        return [];
      }
    })
    .filter((line) => !/ (docker|ip|nft)( |$)/.test(line))
    .sort();
}

/** Mount points here and in the engine's own persistent namespace. */
function listMounts(execRoot: string): string[] {
  const own = readFileSync('/proc/self/mountinfo', 'utf8');
  const namespace = join(execRoot, 'ns/mnt');
  const inside = existsSync(namespace) ? run('nsenter', [`--mount=${namespace}`, 'cat', '/proc/self/mountinfo']) : '';
  const points = (text: string, where: string) =>
    text.split('\n').flatMap((line) => (line === '' ? [] : [`${where} ${line.split(' ')[4]}`]));
  return [...points(own, 'host'), ...points(inside, 'engine')].sort();
}

/** Rules and elements without their handles and counters. */
function listNftRules(): string[] {
  return run('nft', ['-s', 'list', 'ruleset']).split('\n').sort();
}

function listDirectories(directory: string, depth: number): string[] {
  if (depth === 0) return [];
  const below = directoryEntries(directory).filter((entry) => entry.isDirectory());
  return below
    .flatMap(({ name }) => [join(directory, name), ...listDirectories(join(directory, name), depth - 1)])
    .sort();
}

function listPaths(directory: string, depth: number): string[] {
  if (depth === 0) return [];
  return directoryEntries(directory)
    .filter(({ name }) => !/^gantry\.db/.test(name))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      return [path, ...(entry.isDirectory() ? listPaths(path, depth - 1) : [])];
    })
    .sort();
}

function directoryEntries(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    return [];
  }
}

function run(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}
