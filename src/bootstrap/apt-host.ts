import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '#/base/errors.ts';
import type { ProgramRunner } from '#/linux/process.ts';
import { type AptSource, parseDeb822Sources, parseSourcesList } from './apt-sources.ts';

/** How this machine's apt reaches its mirrors (proxies, time-outs, certificates); used while assembling only. */
export async function readAptOptions(programs: ProgramRunner): Promise<readonly string[]> {
  if ((await programs.find('apt-config')) === undefined) return [];
  const { stdout } = await programs.run('apt-config', ['dump'], { timeoutMs: 10_000 });
  return stdout
    .split('\n')
    .filter((line) => /^Acquire::(https?|Retries|Check-Date|Check-Valid-Until)\b.* "[^"]+";$/.test(line));
}

/** `bookworm`, where os-release names it. */
export function hostCodename(): string | undefined {
  try {
    return /^VERSION_CODENAME="?(\w+)"?$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}

/** All that this machine's apt is configured with. */
export function readAptSources(): readonly AptSource[] {
  const further = namesIn('/etc/apt/sources.list.d').map((name) => join('/etc/apt/sources.list.d', name));
  return ['/etc/apt/sources.list', ...further].flatMap((path) => {
    if (path.endsWith('.list')) return parseSourcesList(textOf(path));
    return path.endsWith('.sources') ? parseDeb822Sources(textOf(path)) : [];
  });
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).toSorted();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw error;
  }
}
