import type { PortSummary } from '#/spec/docker-api/container.ts';

interface Range {
  readonly type: string;
  readonly ip: string | undefined;
  readonly publicFirst: number | undefined;
  readonly privateFirst: number;
  length: number;
}

/** Ports as `ps` shows them: `0.0.0.0:8080-8082->80-82/tcp, 53/udp`; neighbours are joined. */
export function printPorts(ports: readonly PortSummary[]): string {
  const sorted = [...ports].sort(
    (a, b) =>
      a.PrivatePort - b.PrivatePort ||
      compare(a.IP ?? '', b.IP ?? '') ||
      (a.PublicPort ?? 0) - (b.PublicPort ?? 0) ||
      compare(a.Type, b.Type),
  );
  const ranges: Range[] = [];
  for (const port of sorted) {
    const previous = ranges.find((range) => continues(range, port));
    if (previous !== undefined) previous.length++;
    else {
      const { Type: type, IP: ip, PublicPort: publicFirst, PrivatePort: privateFirst } = port;
      ranges.push({ type, ip, publicFirst: publicFirst || undefined, privateFirst, length: 1 });
    }
  }
  return ranges.map(printRange).join(', ');
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function continues(range: Range, port: PortSummary): boolean {
  const isNext = range.privateFirst + range.length === port.PrivatePort;
  const isPublished = port.PublicPort !== undefined && port.PublicPort !== 0;
  const isNextPublic =
    range.publicFirst === undefined ? !isPublished : range.publicFirst + range.length === port.PublicPort;
  return isNext && isNextPublic && range.ip === port.IP && range.type === port.Type;
}

function printRange({ type, ip, publicFirst, privateFirst, length }: Range): string {
  const inside = `${span(privateFirst, length)}/${type}`;
  if (publicFirst === undefined) return inside;
  const address = ip?.includes(':') ? `[${ip}]` : (ip ?? '');
  return `${address === '' ? '' : `${address}:`}${span(publicFirst, length)}->${inside}`;
}

const span = (first: number, length: number): string => (length === 1 ? `${first}` : `${first}-${first + length - 1}`);
