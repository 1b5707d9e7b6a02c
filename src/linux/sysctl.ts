import { readFileSync, writeFileSync } from 'node:fs';
import { errnoOf, toEngineError } from '#/base/errors.ts';

/**
 * Sets a kernel setting (`net/ipv4/ip_forward`); those under net/ belong to this thread's network namespace. Writes only
 * what differs, so that a read-only /proc/sys which is already right is no obstacle. False where there is no such setting.
 */
export function ensureSysctl(name: string, value: string): boolean {
  const path = `/proc/sys/${name}`;
  try {
    if (readFileSync(path, 'utf8').trim() !== value) writeFileSync(path, value);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw toEngineError(error, `set ${name} to ${value}`);
  }
}
