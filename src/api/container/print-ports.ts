import { type ContainerRecord, isAlive, type PortBinding, type PublishedPort } from '#/engine/index.ts';

interface PrintedBinding {
  readonly HostIp: string;
  readonly HostPort: string;
}

type PrintedPorts = Readonly<Record<string, readonly PrintedBinding[] | null>>;

const keyOf = ({ containerPort, protocol }: Pick<PortBinding, 'containerPort' | 'protocol'>): string =>
  `${containerPort}/${protocol}`;

/** Docker's `HostConfig.PortBindings`: what was asked for. */
export function printPortBindings(ports: readonly PortBinding[]): PrintedPorts {
  const printed: Record<string, PrintedBinding[]> = {};
  for (const port of ports) {
    const binding = { HostIp: port.hostAddress, HostPort: printHostPort(port) };
    printed[keyOf(port)] = [...(printed[keyOf(port)] ?? []), binding];
  }
  return printed;
}

function printHostPort({ hostPort, hostPortEnd }: PortBinding): string {
  if (hostPort === 0) return '';
  return hostPort === hostPortEnd ? String(hostPort) : `${hostPort}-${hostPortEnd}`;
}

/** Docker's `NetworkSettings.Ports`: what is open now, and null for what is exposed only. */
export function printOpenPorts(record: ContainerRecord, published: readonly PublishedPort[]): PrintedPorts {
  if (!hasOpenPorts(record)) return {};
  const printed: Record<string, PrintedBinding[] | null> = {};
  for (const exposed of exposedPortsOf(record)) printed[exposed] = null;
  for (const port of published) {
    const binding = { HostIp: port.hostAddress, HostPort: port.hostPort === 0 ? '' : String(port.hostPort) };
    printed[keyOf(port)] = [...(printed[keyOf(port)] ?? []), binding];
  }
  return printed;
}

/** The `Ports` of one row of `docker ps`, by port of the container. */
export function printPortSummaries(record: ContainerRecord, published: readonly PublishedPort[]): readonly object[] {
  if (!hasOpenPorts(record)) return [];
  const open = new Set(published.map(keyOf));
  const exposed = exposedPortsOf(record)
    .filter((port) => !open.has(port))
    .map((port) => ({ PrivatePort: Number.parseInt(port, 10), Type: port.split('/')[1] ?? 'tcp' }));
  const bound = published.map(({ hostAddress, containerPort, hostPort, protocol }) => ({
    IP: hostAddress,
    PrivatePort: containerPort,
    ...(hostPort === 0 ? {} : { PublicPort: hostPort }),
    Type: protocol,
  }));
  return [...bound, ...exposed].sort((a, b) => a.PrivatePort - b.PrivatePort);
}

/** Who uses another's network, or the host's, has no ports of its own. */
const hasOpenPorts = ({ state, config }: ContainerRecord): boolean =>
  isAlive(state) && config.network.mode.kind !== 'host' && config.network.mode.kind !== 'container';

/** Off all networks there is nobody to expose them to. */
const exposedPortsOf = ({ config }: ContainerRecord): readonly string[] =>
  Object.keys(config.network.endpoints).some((network) => network !== 'none') ? config.exposedPorts : [];
