import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ContainerId, parseContainerId } from '#/base/ids.ts';
import { LOOPBACK_INDEX, raiseLink } from '#/linux/link.ts';
import { openNetlink } from '#/linux/netlink-socket.ts';
import { createNetns, isNetns, removeNetns } from '#/linux/netns.ts';
import { ensureSysctl } from '#/linux/sysctl.ts';

const ID = /^[0-9a-f]{64}$/;

export const sandboxDirectory = (execRoot: string): string => join(execRoot, 'netns');
export const sandboxPath = (execRoot: string, container: ContainerId): string =>
  join(sandboxDirectory(execRoot), container);

export async function prepareSandboxDirectory(execRoot: string): Promise<void> {
  await mkdir(sandboxDirectory(execRoot), { recursive: true, mode: 0o711 });
}

/** Makes the container's namespace with loopback up, unless it is there. */
export function ensureSandbox(path: string): void {
  if (isNetns(path)) return;
  createNetns(path, () => {
    // Interfaces that come later get no IPv6 address that nobody gave them; ::1 stays.
    ensureSysctl('net/ipv6/conf/default/disable_ipv6', '1');
    using netlink = openNetlink();
    netlink.batchNow([raiseLink(LOOPBACK_INDEX)]);
  });
}

export const dropSandbox = (path: string): Promise<void> => removeNetns(path);

/** Containers whose namespace has a file, be it whole or half-made. */
export async function listSandboxFiles(execRoot: string): Promise<readonly ContainerId[]> {
  const names = await readdir(sandboxDirectory(execRoot));
  return names.filter((name) => ID.test(name)).map(parseContainerId);
}
