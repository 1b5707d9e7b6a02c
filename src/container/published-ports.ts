import { EngineError } from '#/base/errors.ts';
import type { PortBinding, PortProtocol } from '#/network/network.ts';
import type { ContainerConfig } from './config.ts';
import { getById, getContainer, setConfig } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { isAlive } from './state.ts';

/** The bindings of a container, with a free port of the host for each exposed one that has none where `-P` asks for it. */
export function portsToPublish({
  network: { ports, publishAll },
  exposedPorts,
}: Pick<ContainerConfig, 'network' | 'exposedPorts'>): readonly PortBinding[] {
  if (!publishAll) return ports;
  const bound = new Set(ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`));
  return [...ports, ...exposedPorts.filter((port) => !bound.has(port)).map(anyHostPort)];
}

function anyHostPort(exposed: string): PortBinding {
  const [port = '', protocol = 'tcp'] = exposed.split('/');
  return {
    protocol: protocol as PortProtocol,
    containerPort: Number.parseInt(port, 10),
    hostAddress: '',
    hostPort: 0,
    hostPortEnd: 0,
  };
}

/**
 * Publishes exactly these ports of a container from now on, also while it runs. Throws conflict for a port in use, with
 * nothing changed, and for a container without a network of its own.
 */
export async function setPublishedPorts(
  room: ContainerRoom,
  reference: string,
  ports: readonly PortBinding[],
): Promise<void> {
  const { id } = getContainer(room, reference);
  await room.locks.run(id, async () => {
    const record = getById(room, id);
    const { network } = record.config;
    if (network.mode.kind !== 'network') {
      const text = `ports of container ${record.name} cannot be published: its network mode is ${network.mode.kind}`;
      throw new EngineError('conflict', text);
    }
    const config = { ...record.config, network: { ...network, ports } };
    if (isAlive(record.state)) await room.networks.publish(id, portsToPublish(config));
    setConfig(room, record, config);
  });
}
