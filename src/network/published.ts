import { EngineError } from '#/base/errors.ts';
import type { ContainerId } from '#/base/ids.ts';
import { updateSandboxPorts } from '#/store/networks.ts';
import { HOST_BINDING_OPTION } from './bridge-options.ts';
import { gatewaysOf } from './gateway.ts';
import type { Network, PortBinding, PublishedPort } from './network.ts';
import type { PortTarget } from './ports/ports.ts';
import { type EndpointRecord, endpointsOf, findSandboxRecord, networksOf, type SandboxPorts } from './records.ts';
import type { NetworkRoom } from './room.ts';
import { sandboxPath } from './sandbox.ts';

/** Opens exactly these ports for the container and remembers them. */
export async function publishPorts(
  room: NetworkRoom,
  container: ContainerId,
  bindings: readonly PortBinding[],
): Promise<readonly PublishedPort[]> {
  if (findSandboxRecord(room.store, container) === undefined) {
    throw new EngineError('not-found', `publish ports of ${container}: it has no network namespace`);
  }
  const published = await open(room, container, bindings, endpointsOf(room.store, container));
  remember(room, container, { bindings, published });
  return published;
}

/** Leads the container's ports to where its default gateway is now: of these endpoints. Without one they are closed. */
export async function leadPorts(
  room: NetworkRoom,
  container: ContainerId,
  endpoints: readonly EndpointRecord[],
): Promise<void> {
  const bindings = findSandboxRecord(room.store, container)?.ports.bindings ?? [];
  if (bindings.length === 0) return;
  const published = await open(room, container, bindings, endpoints);
  remember(room, container, { bindings, published });
}

/** Takes over what an engine before this one had opened. */
export async function restorePorts(
  room: NetworkRoom,
  container: ContainerId,
  { published }: SandboxPorts,
): Promise<void> {
  const target = findTarget(room, container, endpointsOf(room.store, container));
  if (published.length > 0 && target !== undefined) await room.ports.restore(container, published, target);
}

async function open(
  room: NetworkRoom,
  container: ContainerId,
  bindings: readonly PortBinding[],
  endpoints: readonly EndpointRecord[],
): Promise<readonly PublishedPort[]> {
  const target = findTarget(room, container, endpoints);
  if (target !== undefined && bindings.length > 0) return await room.ports.publish(container, bindings, target);
  await room.ports.release(container);
  return [];
}

function remember(room: NetworkRoom, container: ContainerId, ports: SandboxPorts): void {
  room.store.unsynced(() => updateSandboxPorts(room.store, container, JSON.stringify(ports)));
}

/** Only on bridges does the host stand between the container and the world. */
function findTarget(
  { store, execRoot }: NetworkRoom,
  container: ContainerId,
  endpoints: readonly EndpointRecord[],
): PortTarget | undefined {
  const { ipv4, ipv6 } = gatewaysOf(endpoints);
  const gateway = ipv4 ?? ipv6;
  const network = networksOf(store).find(({ id }) => id === gateway?.networkId);
  if (gateway === undefined || network?.bridgeName === undefined) return undefined;
  return {
    ipv4Address: gateway.ipv4Address,
    ipv6Address: gateway.ipv6Address,
    defaultHostAddress: defaultHostAddress(network),
    sandboxPath: sandboxPath(execRoot, container),
    internal: network.internal,
  };
}

const defaultHostAddress = ({ options }: Network): string => options[HOST_BINDING_OPTION] || '0.0.0.0';
