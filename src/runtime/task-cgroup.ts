import type { ContainerId } from '#/base/ids.ts';
import { type Cgroup, cgroupNameFor, locateCgroup } from '#/linux/cgroup.ts';
import type { TaskRoom } from './open.ts';

/** The group that the OCI runtime makes of `linux.cgroupsPath`: a path, or `slice:prefix:name` for systemd. */
export function taskCgroup(room: Pick<TaskRoom, 'cgroups'>, id: ContainerId, cgroupsPath: string): Cgroup {
  const [slice = '', prefix] = cgroupsPath.split(':');
  const path = prefix === undefined ? cgroupsPath : cgroupNameFor(id, 'systemd', slice).path;
  return locateCgroup(room.cgroups, path);
}
