import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { HOST_DOMAIN } from '#/spec/gantry-names.ts';
import { readLinkTarget, readText } from './files.ts';

/** systemd-resolved asks us for our domain, and others for all else: resolved.conf(5). */
export const RESOLVED_DROP_IN = '/etc/systemd/resolved.conf.d/gantry.conf';
const RESOLV_CONF = '/etc/resolv.conf';
const RESOLVED_ADDRESS = '127.0.0.53';

/** Whether the host's programs ask systemd-resolved. */
export function usesResolved(root: string): boolean {
  const path = join(root, RESOLV_CONF);
  if (readLinkTarget(path)?.includes('systemd/resolve/')) return true;
  return new RegExp(`^nameserver\\s+${RESOLVED_ADDRESS.replaceAll('.', '\\.')}\\b`, 'm').test(readText(path) ?? '');
}

export const isInResolved = (root: string): boolean => readText(join(root, RESOLVED_DROP_IN)) !== undefined;

export function addToResolved(root: string, address: string): void {
  const path = join(root, RESOLVED_DROP_IN);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(
    path,
    `# Made by 'gantry dns install'; 'gantry dns uninstall' removes it.
[Resolve]
DNS=${address}
Domains=~${HOST_DOMAIN}
`,
  );
}

export const removeFromResolved = (root: string): void => rmSync(join(root, RESOLVED_DROP_IN), { force: true });
