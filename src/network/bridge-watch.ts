import { watchRemovedLinks } from '#/linux/link-notices.ts';
import { isHostInterface } from './host-interface.ts';
import { networksOf } from './records.ts';
import { repairNetwork } from './repair.ts';
import type { NetworkRoom } from './room.ts';

/** Puts bridges that a stranger removed back at once, with all that runs on them. */
export function watchBridges(room: NetworkRoom): Disposable {
  return watchRemovedLinks(
    (name) => {
      if (isHostInterface(name)) return;
      putBack(room, name).catch((err: unknown) => {
        room.log.warn({ err }, `cannot put back the bridge ${name}; will try again when a container connects`);
      });
    },
    () => room.log.warn({}, 'too many interfaces went at once; bridges are put back when a container connects'),
  );
}

async function putBack(room: NetworkRoom, name: string): Promise<void> {
  const network = networksOf(room.store).find(({ bridgeName }) => bridgeName === name);
  if (network === undefined || room.leaving.has(network.id)) return;
  room.log.warn({ network: network.name }, `somebody removed the bridge ${name}; putting it back`);
  await repairNetwork(room, network);
}
