import { isIP } from 'node:net';
import { EngineError, type PortBinding } from '#/engine/index.ts';
import type { PortMapRequest } from '#/spec/docker-api/network.ts';

type Protocol = PortBinding['protocol'];

interface PortRange {
  readonly first: number;
  readonly last: number;
}

const PORT_MAX = 65_535;
const PROTOCOLS: readonly string[] = ['tcp', 'udp', 'sctp'] satisfies readonly Protocol[];
const isProtocol = (text: string): text is Protocol => PROTOCOLS.includes(text);

const invalidPort = (text: string): EngineError =>
  new EngineError('invalid-argument', `invalid port specification: ${JSON.stringify(text)}`);

/** The keys of `ExposedPorts` (`80`, `80/udp`, `8000-8010/tcp`), one for each port: `80/tcp`. Throws invalid-argument. */
export function parseExposedPorts(keys: readonly string[]): readonly string[] {
  return keys.flatMap((key) => portsOf(key).map(({ port, protocol }) => `${port}/${protocol}`));
}

/** Docker's `PortBindings` as bindings of single ports. Throws invalid-argument. */
export function parsePortMap(map: PortMapRequest | undefined): readonly PortBinding[] {
  return Object.entries(map ?? {}).flatMap(([key, bindings]) =>
    portsOf(key).flatMap(({ port, protocol }) =>
      (bindings ?? []).map((binding): PortBinding => {
        const host = parseHostPort(binding?.HostPort ?? '');
        const hostAddress = parseHostAddress(binding?.HostIp ?? '');
        return { protocol, containerPort: port, hostAddress, hostPort: host.first, hostPortEnd: host.last };
      }),
    ),
  );
}

function portsOf(key: string): readonly { readonly port: number; readonly protocol: Protocol }[] {
  const [range = '', written = 'tcp', ...rest] = key.split('/');
  const protocol = written.toLowerCase();
  const parsed = parseRange(range);
  if (parsed === undefined || parsed.first === 0 || rest.length > 0 || !isProtocol(protocol)) throw invalidPort(key);
  return Array.from({ length: parsed.last - parsed.first + 1 }, (_, at) => ({ port: parsed.first + at, protocol }));
}

/** '' and `0` mean any free one. */
function parseHostPort(text: string): PortRange {
  if (text === '') return { first: 0, last: 0 };
  const range = parseRange(text);
  if (range === undefined) throw invalidPort(text);
  return range;
}

function parseRange(text: string): PortRange | undefined {
  const parts = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  if (parts === null) return undefined;
  const [first, last] = [Number(parts[1]), Number(parts[2] ?? parts[1])];
  return last > PORT_MAX || last < first ? undefined : { first, last };
}

/** An address of the host, or the path of a unix socket (Gantry's extension). */
function parseHostAddress(text: string): string {
  const address = text.replace(/^\[(.*)\]$/, '$1');
  if (address === '' || address.startsWith('/') || isIP(address) !== 0) return address;
  throw new EngineError('invalid-argument', `invalid IP address: ${text}`);
}
