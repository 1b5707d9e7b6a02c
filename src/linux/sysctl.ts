import { readFileSync, writeFileSync } from 'node:fs';
import { errnoOf, toEngineError } from '#/base/errors.ts';

/** A kernel setting's value; undefined where there is no such setting. */
export function findSysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name}`, 'utf8').trim();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw toEngineError(error, `read ${name}`);
  }
}

/**
 * Sets a kernel setting (`net/ipv4/ip_forward`); those under net/ belong to this thread's network namespace. Writes only
 * what differs, so that a read-only /proc/sys which is already right is no obstacle. False where there is no such setting.
 */
export function ensureSysctl(name: string, value: string): boolean {
  const present = findSysctl(name);
  if (present === undefined) return false;
  try {
    if (present !== value) writeFileSync(`/proc/sys/${name}`, value);
    return true;
  } catch (error) {
    throw toEngineError(error, `set ${name} to ${value}`);
  }
}
