import type { PortSummary } from '#/spec/docker-api/container.ts';

/** Ports that follow each other, of one protocol, at one address of the host or at none. */
interface Group {
  readonly address: string;
  readonly type: string;
  readonly first: number;
  last: number;
}

/**
 * Ports as `ps` shows them: `127.0.0.1:53->53/udp, 80-82/tcp, 0.0.0.0:8080->80/tcp`. As docker does, neighbours are joined where
 * the host's port is the container's, and ports led to others come last, each for itself.
 */
export function printPorts(ports: readonly PortSummary[]): string {
  const groups = new Map<string, Group>();
  const [ended, led]: [Group[], string[]] = [[], []];
  for (const port of [...ports].sort(comparePorts)) {
    const { IP: address = '', PrivatePort: inside, PublicPort: outside = 0, Type: type } = port;
    if (address !== '' && outside !== inside) {
      led.push(`${printPlace(address, String(outside))}->${inside}/${type}`);
      continue;
    }
    const key = `${address}/${type}`;
    const group = groups.get(key);
    if (group !== undefined && group.last + 1 === inside) {
      group.last = inside;
      continue;
    }
    // A group keeps the place of the first of its kind: setting a key again does not move it.
    if (group !== undefined) ended.push(group);
    groups.set(key, { address, type, first: inside, last: inside });
  }
  return [...[...ended, ...groups.values()].map(printGroup), ...led].join(', ');
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const comparePorts = (a: PortSummary, b: PortSummary): number =>
  a.PrivatePort - b.PrivatePort ||
  compare(a.IP ?? '', b.IP ?? '') ||
  (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
  compare(a.Type, b.Type);

function printGroup({ address, type, first, last }: Group): string {
  const span = first === last ? `${first}` : `${first}-${last}`;
  return address === '' ? `${span}/${type}` : `${printPlace(address, span)}->${span}/${type}`;
}

/** An address that begins with `/` is Gantry's: a unix socket of the host. */
export function printPlace(address: string, port: string): string {
  if (address.startsWith('/')) return address;
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}
