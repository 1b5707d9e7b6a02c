import { EngineError } from '#/base/errors.ts';
import { createMacvlan, isMacvlanMode, type MacvlanMode } from '#/linux/child-link.ts';
import { openChildDriver } from './child-driver.ts';
import type { NetworkDriver } from './driver.ts';
import type { Network } from './network.ts';
import { parentNameOf } from './parent-interface.ts';

/** Containers as machines of their own on the network of one of the host's interfaces, with MAC addresses of their own. */
export const openMacvlanDriver = (networks: () => readonly Network[]): NetworkDriver =>
  openChildDriver(
    {
      kind: 'macvlan',
      check(network, neighbours) {
        const mode = modeOf(network);
        for (const other of neighbours) checkNeighbour(network, mode, other);
      },
      create: (network, { macAddress }, place) => createMacvlan({ ...place, mode: modeOf(network), macAddress }),
    },
    networks,
  );

function modeOf({ options }: Network): MacvlanMode {
  // biome-ignore lint/complexity/useLiteralKeys: an option's name, not a property's
  const mode = options['macvlan_mode'] || 'bridge';
  if (isMacvlanMode(mode)) return mode;
  throw new EngineError(
    'invalid-argument',
    `requested macvlan mode '${mode}' is not valid, 'bridge' mode is the macvlan driver default`,
  );
}

/** Networks may share a parent, as in Docker 28, unless one of them takes all of it. */
function checkNeighbour(network: Network, mode: MacvlanMode, other: Network): void {
  const parent = parentNameOf(network);
  if (mode === 'passthru') {
    throw new EngineError(
      'permission-denied',
      `cannot use mode passthru, macvlan network ${other.id} is already using parent interface ${parent}`,
    );
  }
  if (modeOf(other) === 'passthru') {
    throw new EngineError(
      'permission-denied',
      `macvlan network ${other.id} is already using parent interface ${parent} in mode passthru`,
    );
  }
}
