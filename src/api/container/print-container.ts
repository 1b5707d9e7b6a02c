import { rfc3339Nano } from '#/base/clock.ts';
import type { ContainerRecord, Endpoint, Engine } from '#/engine/index.ts';
import { isAlive } from '#/engine/index.ts';
import type { ApiVersion } from '../version.ts';
import { printConfig, printHostConfig, printMountPoints, printNetworkMode } from './print-config.ts';
import { printState, printStatus } from './print-state.ts';

export interface SizeOfContainer {
  readonly writtenBytes: number;
  readonly rootBytes: number;
}

/** Docker's answer to `GET /containers/{id}/json`. */
export function printInspect(
  engine: Engine,
  record: ContainerRecord,
  size: SizeOfContainer | undefined,
  version: ApiVersion,
): object {
  const { config, state } = record;
  const [path = '', ...args] = [...config.process.entrypoint, ...config.process.command];
  const paths = engine.containers.paths(record);
  const sharesNetwork = config.network.mode.kind === 'container';
  return {
    Id: record.id,
    Created: rfc3339Nano(record.createdAtMs),
    Path: path,
    Args: args,
    State: printState(state),
    Image: record.imageId,
    ResolvConfPath: sharesNetwork ? '' : paths.resolvConf,
    HostnamePath: sharesNetwork ? '' : paths.hostname,
    HostsPath: sharesNetwork ? '' : paths.hosts,
    LogPath: paths.log,
    Name: `/${record.name}`,
    RestartCount: 'restartCount' in state ? state.restartCount : 0,
    Driver: engine.storageDriver,
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: config.security.apparmorProfile ?? '',
    ExecIDs: nullIfEmpty(engine.containers.exec.idsOf(record)),
    HostConfig: printHostConfig(config),
    GraphDriver: { Name: engine.storageDriver, Data: null },
    ...(size === undefined ? {} : { SizeRw: size.writtenBytes, SizeRootFs: size.rootBytes }),
    Mounts: printMountPoints(config),
    Config: printConfig(config),
    NetworkSettings: printNetworkSettings(record, engine.containers.endpoints(record), version),
  };
}

const nullIfEmpty = <T>(list: readonly T[]): readonly T[] | null => (list.length === 0 ? null : list);

function printNetworkSettings(record: ContainerRecord, endpoints: readonly Endpoint[], version: ApiVersion): object {
  const bridge = endpoints.find((endpoint) => endpoint.networkName === 'bridge');
  const sandboxId = isAlive(record.state) && record.config.network.mode.kind !== 'container' ? record.id : '';
  return {
    Bridge: '',
    SandboxID: sandboxId,
    SandboxKey: '',
    Ports: {},
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge?.endpointId ?? '',
    Gateway: bridge?.gateway ?? '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    IPAddress: bridge?.ipv4Address ?? '',
    IPPrefixLen: bridge?.ipv4PrefixLength ?? 0,
    IPv6Gateway: '',
    MacAddress: bridge?.macAddress ?? '',
    Networks: printNetworks(record, endpoints, version),
  };
}

function printNetworks(record: ContainerRecord, endpoints: readonly Endpoint[], version: ApiVersion): object {
  const { mode } = record.config.network;
  if (mode.kind === 'container') return {};
  if (endpoints.length > 0) {
    return Object.fromEntries(endpoints.map((endpoint) => [endpoint.networkName, printEndpoint(endpoint, version)]));
  }
  return { [printNetworkMode(mode)]: printEndpoint(undefined, version) };
}

function printEndpoint(endpoint: Endpoint | undefined, { minor }: ApiVersion): object {
  return {
    IPAMConfig: null,
    Links: null,
    Aliases: null,
    ...(minor >= 44 ? { DNSNames: null } : {}),
    MacAddress: endpoint?.macAddress ?? '',
    DriverOpts: null,
    ...(minor >= 48 ? { GwPriority: 0 } : {}),
    NetworkID: endpoint?.networkId ?? '',
    EndpointID: endpoint?.endpointId ?? '',
    Gateway: endpoint?.gateway ?? '',
    IPAddress: endpoint?.ipv4Address ?? '',
    IPPrefixLen: endpoint?.ipv4PrefixLength ?? 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
  };
}

/** One element of Docker's answer to `GET /containers/json`. */
export function printSummary(
  engine: Engine,
  record: ContainerRecord,
  imageName: string,
  size: SizeOfContainer | undefined,
  nowMs: number,
  version: ApiVersion,
): object {
  const { config, state } = record;
  const command = [...config.process.entrypoint, ...config.process.command].map(quoteWord).join(' ');
  return {
    Id: record.id,
    Names: [`/${record.name}`],
    Image: imageName,
    ImageID: record.imageId,
    Command: command,
    Created: Math.floor(record.createdAtMs / 1000),
    Ports: config.exposedPorts.filter(() => isAlive(state)).map(printExposedPort),
    ...(size === undefined ? {} : { SizeRw: size.writtenBytes, SizeRootFs: size.rootBytes }),
    Labels: config.labels,
    State: state.status === 'creating' ? 'created' : state.status,
    Status: printStatus(state, nowMs),
    HostConfig: { NetworkMode: printNetworkMode(config.network.mode) },
    NetworkSettings: { Networks: printNetworks(record, engine.containers.endpoints(record), version) },
    Mounts: printMountPoints(config),
  };
}

const quoteWord = (word: string): string => (word.includes(' ') ? `'${word.replaceAll("'", "'\\''")}'` : word);

function printExposedPort(text: string): object {
  const [port = '', type = 'tcp'] = text.split('/');
  return { PrivatePort: Number.parseInt(port, 10), Type: type };
}
