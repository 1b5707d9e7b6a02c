import { isIP } from 'node:net';
import type { PortBinding } from '#/spec/docker-api/container.ts';

export interface ParsedPorts {
  readonly exposed: Readonly<Record<string, object>>;
  readonly bindings: Readonly<Record<string, readonly PortBinding[]>>;
}

/**
 * `-p [[ip:][host]:]container[/proto]` with ranges, `-p target=…,published=…,protocol=…`, Gantry's `-p /run/x.sock:container`
 * (a unix socket of the host), and `--expose`. Throws docker's reason.
 */
export function parsePorts(publish: readonly string[], expose: readonly string[]): ParsedPorts {
  const exposed: Record<string, object> = {};
  const bindings: Record<string, PortBinding[]> = {};
  for (const { port, binding } of publish.flatMap(parsePublish)) {
    exposed[port] = {};
    bindings[port] = [...(bindings[port] ?? []), binding];
  }
  for (const text of expose) {
    if (text.includes(':')) throw new Error(`invalid port format for --expose: ${text}`);
    const [range = '', protocol = 'tcp'] = text.split('/');
    const { first, last } = parseRange(range, (why) => `invalid range format for --expose: ${text}, error: ${why}`);
    for (let port = first; port <= last; port++) exposed[`${port}/${protocol}`] = {};
  }
  return { exposed, bindings };
}

function parsePublish(written: string): readonly { readonly port: string; readonly binding: PortBinding }[] {
  const text = written.includes('=') ? shortForm(written) : written;
  const { address, host, container } = splitSpec(text);
  const [range = '', protocol = 'tcp'] = container.split('/');
  if (range === '') throw new Error(`no port specified: ${text}<empty>`);
  const inside = parseRange(range, () => `invalid containerPort: ${range}`);
  const outside = host === '' ? undefined : parseRange(host, () => `invalid hostPort: ${host}`);
  if (address !== '' && isIP(address) === 0 && !isSocket(address)) throw new Error(`invalid IP address: ${address}`);
  if (!['tcp', 'udp', 'sctp'].includes(protocol.toLowerCase())) throw new Error(`invalid proto: ${protocol}`);
  const count = inside.last - inside.first;
  if (outside !== undefined && outside.last - outside.first !== count && count !== 0) {
    throw new Error(`invalid ranges specified for container and host Ports: ${range} and ${host}`);
  }
  return Array.from({ length: count + 1 }, (_, at) => ({
    port: `${inside.first + at}/${protocol.toLowerCase()}`,
    binding: { HostIp: address, HostPort: hostPort(outside, at, count) },
  }));
}

function hostPort(outside: Range | undefined, at: number, count: number): string {
  if (outside === undefined) return '';
  // One port inside may take any free one of a range outside.
  if (count === 0 && outside.last !== outside.first) return `${outside.first}-${outside.last}`;
  return String(outside.first + at);
}

function shortForm(text: string): string {
  const given: Record<string, string> = {};
  for (const field of text.split(',')) {
    const equals = field.indexOf('=');
    if (equals < 1) throw new Error(`invalid publish opts format (should be name=value but got '${field}')`);
    given[field.slice(0, equals)] = field.slice(equals + 1);
  }
  return `${given.published ?? ''}:${given.target ?? ''}/${given.protocol ?? 'tcp'}`;
}

const isSocket = (address: string): boolean => address.startsWith('/');

function splitSpec(text: string): { readonly address: string; readonly host: string; readonly container: string } {
  const parts = text.split(':');
  const container = parts.pop() ?? '';
  if (isSocket(text) && parts.length > 0) return { address: parts.join(':'), host: '', container };
  const host = parts.pop() ?? '';
  return { address: parts.join(':').replace(/^\[(.*)\]$/, '$1'), host, container };
}

interface Range {
  readonly first: number;
  readonly last: number;
}

function parseRange(text: string, explain: (why: string) => string): Range {
  const [firstText = '', lastText = firstText, ...rest] = text.split('-');
  for (const part of [firstText, lastText]) {
    if (!/^\d+$/.test(part) || rest.length > 0) {
      throw new Error(explain(`strconv.ParseUint: parsing ${JSON.stringify(part)}: invalid syntax`));
    }
    if (Number(part) > 65535) {
      throw new Error(explain(`strconv.ParseUint: parsing ${JSON.stringify(part)}: value out of range`));
    }
  }
  const range = { first: Number(firstText), last: Number(lastText) };
  if (range.last < range.first) throw new Error(explain(`invalid range specified for port: ${text}`));
  return range;
}
