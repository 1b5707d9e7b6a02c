import { EngineError } from '#/base/errors.ts';
import { createIpvlan, type IpvlanFlag, type IpvlanMode, isIpvlanFlag, isIpvlanMode } from '#/linux/child-link.ts';
import { openChildDriver } from './child-driver.ts';
import type { NetworkDriver } from './driver.ts';
import type { Network } from './network.ts';
import { parentNameOf, plainParentName } from './parent-interface.ts';

/** Containers on the network of one of the host's interfaces, all with its MAC address. One network for each parent. */
export const openIpvlanDriver = (networks: () => readonly Network[]): NetworkDriver =>
  openChildDriver(
    {
      kind: 'ipvlan',
      check(network, [neighbour]) {
        modeOf(network);
        flagOf(network);
        if (neighbour === undefined) return;
        throw new EngineError(
          'permission-denied',
          `network ${plainParentName(neighbour.id)} is already using parent interface ${parentNameOf(network)}`,
        );
      },
      create: (network, _endpoint, place) => createIpvlan({ ...place, mode: modeOf(network), flag: flagOf(network) }),
    },
    networks,
  );

function modeOf({ options }: Network): IpvlanMode {
  // biome-ignore lint/complexity/useLiteralKeys: an option's name, not a property's
  const mode = options['ipvlan_mode'] || 'l2';
  if (isIpvlanMode(mode)) return mode;
  throw new EngineError(
    'invalid-argument',
    `requested ipvlan mode '${mode}' is not valid, 'l2' mode is the ipvlan driver default`,
  );
}

function flagOf({ options }: Network): IpvlanFlag {
  // biome-ignore lint/complexity/useLiteralKeys: an option's name, not a property's
  const flag = options['ipvlan_flag'] || 'bridge';
  if (isIpvlanFlag(flag)) return flag;
  throw new EngineError(
    'invalid-argument',
    `requested ipvlan flag '${flag}' is not valid, 'bridge' is the ipvlan driver default`,
  );
}
