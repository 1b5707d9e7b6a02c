import { rfc3339Nano } from '#/base/clock.ts';
import type { ContainerRecord, Engine } from '#/engine/index.ts';
import type { ApiVersion } from '../version.ts';
import { printConfig, printHostConfig } from './print-config.ts';
import { printMountPoints } from './print-mounts.ts';
import { printNetworkMode, printNetworkSettings, printNetworks } from './print-network.ts';
import { printPortSummaries } from './print-ports.ts';
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
    HostConfig: printHostConfig(config, record.name),
    GraphDriver: { Name: engine.storageDriver, Data: null },
    ...(size === undefined ? {} : { SizeRw: size.writtenBytes, SizeRootFs: size.rootBytes }),
    Mounts: printMountPoints(engine, config),
    Config: printConfig(config),
    NetworkSettings: printNetworkSettings(engine, record, version),
  };
}

const nullIfEmpty = <T>(list: readonly T[]): readonly T[] | null => (list.length === 0 ? null : list);

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
    Ports: printPortSummaries(record, engine.containers.publishedPorts(record)),
    ...(size === undefined ? {} : { SizeRw: size.writtenBytes, SizeRootFs: size.rootBytes }),
    Labels: config.labels,
    State: state.status === 'creating' ? 'created' : state.status,
    Status: printStatus(state, nowMs),
    HostConfig: { NetworkMode: printNetworkMode(config.network.mode) },
    NetworkSettings: { Networks: printNetworks(engine, record, version) },
    Mounts: printMountPoints(engine, config),
  };
}

const quoteWord = (word: string): string => (word.includes(' ') ? `'${word.replaceAll("'", "'\\''")}'` : word);
