import { watchRemovedLinks } from '#/linux/link-notices.ts';
import { isHostInterface } from './host-interface.ts';
import { networksOf } from './records.ts';
import { repairNetwork } from './repair.ts';
import type { NetworkRoom } from './room.ts';

/** Puts bridges that a stranger removed back at once, with all that runs on them. */
export function watchBridges(room: NetworkRoom): Disposable {
  let isClosed = false;
  const watch = watchRemovedLinks(
    (name) => {
      if (isHostInterface(name)) return;
      const network = networksOf(room.store).find(({ bridgeName }) => bridgeName === name);
      if (isClosed || network === undefined || room.leaving.has(network.id)) return;
      room.log.warn({ network: network.name }, `somebody removed the bridge ${name}; putting it back`);
      repairNetwork(room, network).catch((err: unknown) => {
        room.log.warn(
          { err, network: network.name },
          `cannot put back the bridge ${name}; will try when a container connects`,
        );
      });
    },
    () =>
      room.log.warn(
        {},
        'lost sight of the interfaces of the host: removed bridges are put back when a container connects',
      ),
  );
  return {
    [Symbol.dispose]() {
      isClosed = true;
      watch[Symbol.dispose]();
    },
  };
}
