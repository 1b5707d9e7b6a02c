import type { OciLinux } from '#/spec/oci/runtime.ts';
import type { ContainerConfig, NamespaceMode } from './config.ts';
import { type ContainerNetwork, pidOf, requireAlive } from './connect-network.ts';
import type { ContainerRoom } from './room.ts';

type Namespace = OciLinux['namespaces'][number];

/** The namespaces that a container gets: new ones, others' to join, or none of its own. */
export function planNamespaces(
  room: Pick<ContainerRoom, 'store'>,
  { namespaces, network: { mode } }: ContainerConfig,
  network: ContainerNetwork,
): readonly Namespace[] {
  const planned: Namespace[] = [{ type: 'mount' }];
  if (mode.kind !== 'host' && network.namespacePath !== undefined)
    planned.push({ type: 'network', path: network.namespacePath });
  planned.push(...joinable(room, 'pid', namespaces.pid));
  if (namespaces.ipc.kind === 'none' || namespaces.ipc.kind === 'shareable') planned.push({ type: 'ipc' });
  else planned.push(...joinable(room, 'ipc', namespaces.ipc));
  if (namespaces.uts === 'private') planned.push({ type: 'uts' });
  if (namespaces.cgroup === 'private') planned.push({ type: 'cgroup' });
  return planned;
}

function joinable(room: Pick<ContainerRoom, 'store'>, type: 'pid' | 'ipc', mode: NamespaceMode): readonly Namespace[] {
  if (mode.kind === 'host') return [];
  if (mode.kind === 'private') return [{ type }];
  const other = requireAlive(room, mode.container, `${type.toUpperCase()} namespace`);
  return [{ type, path: `/proc/${pidOf(other)}/ns/${type}` }];
}
