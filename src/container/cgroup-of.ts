import { type Cgroup, type CgroupName, cgroupNameFor, locateCgroup } from '#/linux/cgroup.ts';
import type { ContainerRecord } from './record.ts';
import type { ContainerRoom } from './room.ts';

/** The name of a container's control group, computed from its id. */
export function cgroupNameOf(
  room: Pick<ContainerRoom, 'settings'>,
  { id, config }: Pick<ContainerRecord, 'id' | 'config'>,
): CgroupName {
  return cgroupNameFor(id, room.settings.cgroupDriver, config.cgroupParent === '' ? undefined : config.cgroupParent);
}

export const cgroupOf = (room: Pick<ContainerRoom, 'settings' | 'cgroups'>, record: ContainerRecord): Cgroup =>
  locateCgroup(room.cgroups, cgroupNameOf(room, record).path);
