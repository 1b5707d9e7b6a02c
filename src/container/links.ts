import { EngineError } from '#/base/errors.ts';
import type { Endpoint } from '#/network/network.ts';
import { type Link, parseLink } from './endpoint-names.ts';
import { type ContainerRecord, getContainer, listContainers } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { isAlive } from './state.ts';

/** A container that another on the default bridge calls by an alias. */
export interface LinkedContainer {
  readonly alias: string;
  readonly record: ContainerRecord;
  readonly endpoint: Endpoint;
}

/**
 * The containers that one on the default bridge is linked to: there is no name server there, so they stand in its
 * /etc/hosts and environment. Throws conflict, with Docker's texts, for one that does not run or is not on it.
 */
export function linkedContainers(room: ContainerRoom, record: ContainerRecord): readonly LinkedContainer[] {
  return linksOf(record).map(({ target, alias }) => {
    const linked = getContainer(room, target);
    if (!isAlive(linked.state)) {
      throw refused(`Cannot link to a non running container: /${linked.name} AS /${record.name}/${alias}`);
    }
    const endpoint = bridgeEndpoint(room, linked);
    if (endpoint === undefined) {
      throw refused(`Cannot link to /${linked.name}, as it does not belong to the default network`);
    }
    return { alias, record: linked, endpoint };
  });
}

/** Those of them that are there now. */
export function presentLinks(room: ContainerRoom, record: ContainerRecord): readonly LinkedContainer[] {
  const present = listContainers(room);
  return linksOf(record).flatMap(({ target, alias }) => {
    // One that has ended keeps its endpoint for a moment, until what it held is given back.
    const linked = present.find(({ name, state }) => name === target && isAlive(state));
    const endpoint = linked && bridgeEndpoint(room, linked);
    return linked === undefined || endpoint === undefined ? [] : [{ alias, record: linked, endpoint }];
  });
}

/** The running containers that are linked to this one, each with the line that its /etc/hosts has about it now. */
export function runningLinkers(
  room: ContainerRoom,
  record: ContainerRecord,
): readonly { readonly linker: ContainerRecord; readonly line: string }[] {
  const endpoint = bridgeEndpoint(room, record);
  if (endpoint === undefined) return [];
  return listContainers(room)
    .filter(({ state }) => isAlive(state))
    .flatMap((linker) =>
      linksOf(linker)
        .filter(({ target }) => target === record.name)
        .map(({ alias }) => ({ linker, line: linkHostsLine({ alias, record, endpoint }) })),
    );
}

const linksOf = ({ config }: ContainerRecord): readonly Link[] =>
  (config.network.endpoints.bridge?.links ?? []).map(parseLink);

const bridgeEndpoint = ({ networks }: ContainerRoom, { id }: ContainerRecord): Endpoint | undefined =>
  networks.endpointsOf(id).find(({ networkName }) => networkName === 'bridge');

const refused = (text: string): EngineError => new EngineError('conflict', text);

export const linkHostsLine = ({ alias, record: { name, config }, endpoint }: LinkedContainer): string =>
  `${endpoint.ipv4Address}\t${[...new Set([alias, config.hostname, name])].join(' ')}`;

/** Variables that name each linked container, its ports and its environment, as Docker's `--link` has always given them. */
export function linkEnv(self: Pick<ContainerRecord, 'name'>, links: readonly LinkedContainer[]): readonly string[] {
  return links.flatMap(({ alias, record, endpoint }) => {
    const prefix = alias.toUpperCase().replaceAll('-', '_');
    const ports = [...record.config.exposedPorts].sort(byPort);
    const [first] = ports;
    return [
      ...(first === undefined ? [] : [`${prefix}_PORT=${urlOf(endpoint, first)}`]),
      ...ports.flatMap((port) => portVariables(prefix, endpoint, port)),
      `${prefix}_NAME=/${self.name}/${alias}`,
      ...record.config.process.env
        .filter((entry) => !/^(PATH|HOME)=/.test(entry))
        .map((entry) => `${prefix}_ENV_${entry}`),
    ];
  });
}

const byPort = (a: string, b: string): number => Number.parseInt(a, 10) - Number.parseInt(b, 10);

function urlOf({ ipv4Address }: Endpoint, exposed: string): string {
  const [port, protocol] = exposed.split('/');
  return `${protocol}://${ipv4Address}:${port}`;
}

function portVariables(prefix: string, endpoint: Endpoint, exposed: string): readonly string[] {
  const [port, protocol = 'tcp'] = exposed.split('/');
  const name = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`;
  return [
    `${name}=${urlOf(endpoint, exposed)}`,
    `${name}_ADDR=${endpoint.ipv4Address}`,
    `${name}_PORT=${port}`,
    `${name}_PROTO=${protocol}`,
  ];
}
