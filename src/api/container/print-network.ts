import {
  type ContainerConfig,
  type ContainerRecord,
  type Endpoint,
  type EndpointSettings,
  type Engine,
  isAlive,
  isEngineError,
  isUserDefined,
  type NetworkMode,
} from '#/engine/index.ts';
import type { ApiVersion } from '../version.ts';
import { printOpenPorts } from './print-ports.ts';

const nullIfEmpty = <T>(list: readonly T[]): readonly T[] | null => (list.length === 0 ? null : list);

export function printNetworkMode(mode: NetworkMode): string {
  switch (mode.kind) {
    case 'network':
      return mode.name;
    case 'container':
      return `container:${mode.container}`;
    case 'host':
    case 'none':
      return mode.kind;
    default:
      return mode satisfies never;
  }
}

/** `HostConfig.Links`: on the default bridge in Docker's form of paths, elsewhere as asked. */
export function printLinks({ network: { mode, endpoints } }: ContainerConfig, name: string): readonly string[] | null {
  if (mode.kind !== 'network') return null;
  const links = endpoints[mode.name]?.links ?? [];
  if (mode.name !== 'bridge') return nullIfEmpty(links);
  return nullIfEmpty(
    links.map((link) => {
      const [target = '', alias = target] = link.split(':');
      return `/${target}:/${name}/${alias}`;
    }),
  );
}

/** The `NetworkSettings` of an inspect answer. */
export function printNetworkSettings(engine: Engine, record: ContainerRecord, version: ApiVersion): object {
  const endpoints = engine.containers.endpoints(record);
  const bridge = endpoints.find((endpoint) => endpoint.networkName === 'bridge');
  const hasSandbox = isAlive(record.state) && record.config.network.mode.kind !== 'container';
  return {
    Bridge: '',
    SandboxID: hasSandbox ? record.id : '',
    SandboxKey: hasSandbox && record.config.network.mode.kind !== 'host' ? engine.containers.paths(record).sandbox : '',
    Ports: printOpenPorts(record, engine.containers.publishedPorts(record)),
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge?.endpointId ?? '',
    ...printAddresses(bridge),
    MacAddress: bridge?.macAddress ?? '',
    Networks: printNetworks(engine, record, version),
  };
}

/** A container's networks by name: those that it is on, or will be on when it runs. */
export function printNetworks(engine: Engine, record: ContainerRecord, version: ApiVersion): object {
  const live = new Map(engine.containers.endpoints(record).map((endpoint) => [endpoint.networkName, endpoint]));
  const { endpoints } = record.config.network;
  const names = new Set([...Object.keys(endpoints), ...live.keys()]);
  return Object.fromEntries(
    [...names].map((name) => [name, printEndpoint(engine, record, name, endpoints[name], live.get(name), version)]),
  );
}

function printEndpoint(
  engine: Engine,
  record: ContainerRecord,
  network: string,
  settings: EndpointSettings | undefined,
  endpoint: Endpoint | undefined,
  { minor }: ApiVersion,
): object {
  const names =
    settings !== undefined && isUserDefined(network) ? engine.containers.namesOn(record, settings) : undefined;
  const aliases = settings?.aliases ?? [];
  // Older clients look for the short id among the aliases.
  const shownAliases = minor < 45 && names !== undefined ? [...aliases, record.id.slice(0, 12)] : aliases;
  const driverOptions = settings?.driverOptions ?? {};
  return {
    IPAMConfig: printIpamConfig(settings),
    Links: isUserDefined(network) ? nullIfEmpty(settings?.links ?? []) : null,
    Aliases: nullIfEmpty(shownAliases),
    MacAddress: endpoint?.macAddress ?? settings?.macAddress ?? '',
    DriverOpts: Object.keys(driverOptions).length === 0 ? null : driverOptions,
    ...(minor >= 48 ? { GwPriority: settings?.gatewayPriority ?? 0 } : {}),
    NetworkID: endpoint?.networkId ?? networkIdOf(engine, network),
    EndpointID: endpoint?.endpointId ?? '',
    ...printAddresses(endpoint),
    ...(minor >= 44 ? { DNSNames: names ?? null } : {}),
  };
}

function printIpamConfig(settings: EndpointSettings | undefined): object | null {
  const { ipv4Address, ipv6Address } = settings ?? {};
  if (ipv4Address === undefined && ipv6Address === undefined) return null;
  return {
    ...(ipv4Address === undefined ? {} : { IPv4Address: ipv4Address }),
    ...(ipv6Address === undefined ? {} : { IPv6Address: ipv6Address }),
  };
}

const printAddresses = (endpoint: Endpoint | undefined): object => ({
  Gateway: endpoint?.gateway ?? '',
  IPAddress: endpoint?.ipv4Address ?? '',
  IPPrefixLen: endpoint?.ipv4PrefixLength ?? 0,
  IPv6Gateway: endpoint?.ipv6Gateway ?? '',
  GlobalIPv6Address: endpoint?.ipv6Address ?? '',
  GlobalIPv6PrefixLen: endpoint?.ipv6PrefixLength ?? 0,
});

/** '' for a network that is no more. */
function networkIdOf({ networks }: Engine, name: string): string {
  try {
    return networks.get(name).id;
  } catch (error) {
    if (isEngineError(error, 'not-found')) return '';
    throw error;
  }
}
