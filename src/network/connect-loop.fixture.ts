import { join } from 'node:path';
import { systemClock } from '#/base/clock.ts';
import { newContainerId } from '#/base/ids.ts';
import { silentLogger } from '#/base/log.ts';
import { EventBus } from '#/events/events.ts';
import { openStore } from '#/store/store.ts';
import { openNetworks } from './open.ts';

/** Connects and closes containers, three at once, until it is killed; says so when it begins. For the kernel test beside it. */
const [execRoot = ''] = process.argv.slice(2);
const networks = await openNetworks({
  store: openStore(join(execRoot, 'gantry.db')),
  events: new EventBus(systemClock),
  log: silentLogger,
  clock: systemClock,
  execRoot,
});
process.stdout.write('begun\n');
for (;;) {
  const round = Array.from({ length: 3 }, async () => {
    const id = newContainerId();
    await networks.openSandbox(id, { dnsServers: [] });
    await networks.connect(id, { network: 'bridge', names: { own: [id], links: {} } });
    return id;
  });
  const [first, second] = await Promise.all(round);
  if (first !== undefined) await networks.closeSandbox(first);
  if (second !== undefined) await networks.closeSandbox(second);
}
