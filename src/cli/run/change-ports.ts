import type { PortBinding, PortMap } from '#/spec/docker-api/container.ts';
import { parsePorts } from './ports.ts';

/** A container's bindings with some taken away and others added, each written as with `-p`. Throws where one to take away is not there. */
export function changePorts(current: PortMap, added: readonly string[], removed: readonly string[]): PortMap {
  const ports = new Map(Object.entries(current).map(([port, bindings]) => [port, [...(bindings ?? [])]]));
  for (const text of removed) {
    for (const [port, unwanted] of Object.entries(parsePorts([text], []).bindings)) {
      const before = ports.get(port) ?? [];
      const kept = before.filter((binding) => !unwanted.some((pattern) => isMeant(binding, pattern)));
      if (kept.length === before.length) throw new Error(`port ${text} is not published: nothing to remove`);
      ports.set(port, kept);
    }
  }
  for (const [port, bindings] of Object.entries(parsePorts(added, []).bindings)) {
    ports.set(port, [...(ports.get(port) ?? []), ...bindings]);
  }
  return Object.fromEntries([...ports].filter(([, bindings]) => bindings.length > 0));
}

/** What the pattern leaves open fits any binding. */
function isMeant(binding: PortBinding, { HostIp = '', HostPort = '' }: PortBinding): boolean {
  const fits = (wanted: string, has = ''): boolean => wanted === '' || wanted === has;
  return fits(HostIp, binding.HostIp) && fits(HostPort, binding.HostPort);
}
