import { EngineError, isEngineError } from '#/base/errors.ts';
import type { Network } from '#/network/network.ts';
import { checkEndpoint } from './check-endpoint.ts';
import type { ContainerConfig, EndpointSettings } from './config.ts';
import { NONE_AND_OTHERS, SHARED_AND_OTHERS } from './conflicts.ts';
import { connectRequest } from './connect-network.ts';
import { refreshEtcFiles } from './etc-files.ts';
import { type ContainerRecord, getById, getContainer, setConfig } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { isAlive } from './state.ts';

/**
 * Puts a container on a network, for as long as it exists or until it is disconnected; a running one at once. Throws, with
 * Docker's texts, permission-denied where it runs there already, and invalid-argument where its network is not its own.
 */
export async function connectContainer(
  room: ContainerRoom,
  networkReference: string,
  reference: string,
  settings: EndpointSettings,
): Promise<void> {
  const network = room.networks.get(networkReference);
  const { id } = getContainer(room, reference);
  await room.locks.run(id, async () => {
    const record = getById(room, id);
    refuseWhileRemoved(record);
    refuseOtherModes(record.config, network);
    checkEndpoint(network.name, settings, network);
    const config = withEndpoint(record.config, network.name, settings);
    if (isAlive(record.state)) await connectRunning(room, record, network, settings);
    setConfig(room, record, config);
  });
}

async function connectRunning(
  room: ContainerRoom,
  record: ContainerRecord,
  network: Network,
  settings: EndpointSettings,
): Promise<void> {
  const before = room.networks.endpointsOf(record.id);
  if (before.some(({ networkId }) => networkId === network.id)) {
    const text = `endpoint with name ${record.name} already exists in network ${network.name}`;
    throw new EngineError('permission-denied', text);
  }
  await room.networks.connect(record.id, connectRequest(room, record, network.name, settings));
  await refreshEtcFiles(room, record, before);
}

/**
 * Takes a container off a network; a running one at once. One that does not run, or with `force`, also off a network that is
 * no more. Throws not-found, with Docker's text, where it is not on it.
 */
export async function disconnectContainer(
  room: ContainerRoom,
  networkReference: string,
  reference: string,
  { force }: { readonly force: boolean },
): Promise<void> {
  const { id } = getContainer(room, reference);
  await room.locks.run(id, async () => {
    const record = getById(room, id);
    refuseWhileRemoved(record);
    const mayBeGone = force || !isAlive(record.state);
    const network = mayBeGone ? findNetwork(room, networkReference) : room.networks.get(networkReference);
    const name = network?.name ?? networkReference;
    if (network?.driver === 'host') throw new EngineError('invalid-argument', HOST_STAYS);
    const { [name]: gone, ...endpoints } = record.config.network.endpoints;
    const before = room.networks.endpointsOf(id);
    const isLive = before.some(({ networkId }) => networkId === network?.id);
    if (gone === undefined && !isLive) throw notConnected(record, name);
    if (isLive) {
      await room.networks.disconnect(id, name);
      await refreshEtcFiles(room, record, before);
    } else if (network !== undefined) {
      room.events.publish({
        type: 'network',
        action: 'disconnect',
        id: network.id,
        attributes: { container: id, name, type: network.driver },
      });
    }
    setConfig(room, record, { ...record.config, network: { ...record.config.network, endpoints } });
  });
}

const HOST_STAYS = 'container cannot be disconnected from host network or connected to host network';

function notConnected({ id }: ContainerRecord, network: string): EngineError {
  return new EngineError('not-found', `container ${id} is not connected to network ${network}`);
}

function findNetwork({ networks }: ContainerRoom, reference: string): Network | undefined {
  try {
    return networks.get(reference);
  } catch (error) {
    if (isEngineError(error, 'not-found')) return undefined;
    throw error;
  }
}

function withEndpoint(config: ContainerConfig, network: string, settings: EndpointSettings): ContainerConfig {
  return { ...config, network: { ...config.network, endpoints: { ...config.network.endpoints, [network]: settings } } };
}

function refuseWhileRemoved({ id, state }: ContainerRecord): void {
  if (state.status !== 'removing' && state.status !== 'dead') return;
  const text = `Container ${id} is marked for removal and cannot be connected or disconnected to the network`;
  throw new EngineError('conflict', text);
}

function refuseOtherModes({ network: { mode, endpoints } }: ContainerConfig, network: Network): void {
  const refuse = (text: string): never => {
    throw new EngineError('invalid-argument', text);
  };
  if (mode.kind === 'container' || mode.kind === 'host')
    refuse(network.driver === 'host' ? HOST_STAYS : SHARED_AND_OTHERS);
  if (network.driver === 'host') refuse(HOST_STAYS);
  const others = Object.keys(endpoints).filter((name) => name !== network.name);
  if (others.includes('none') || (network.driver === 'null' && others.length > 0)) refuse(NONE_AND_OTHERS);
}
