import type { ApiAnswer, TestDaemon } from '../support/daemon.ts';
import type { Random } from '../support/random.ts';

const NAMES = ['alpha', 'beta', 'gamma', 'delta'];
const PORTS = ['9201', '9202', '9203'];

/**
 * Clients that make and unmake networks, endpoints, published ports, volumes and snapshots as they please, under few names, so that they
 * get into each other's way. A daemon that is killed leaves their requests without an answer.
 */
export class NetworkCustomers {
  readonly #random: Random;
  /** How many requests did something. */
  done = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  async work(daemon: TestDaemon, clients: number, isOver: () => boolean): Promise<void> {
    const client = async (): Promise<void> => {
      while (!isOver()) {
        const answer = await this.#ask(daemon).catch(() => undefined);
        if (answer === undefined) return;
        if (answer.status < 300) this.done++;
        // Refusals are fine (names are few); a fault of the engine's own is not.
        if (answer.status === 500 && /internal error/.test(answer.text)) throw new Error(answer.text);
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
  }

  async #ask(daemon: TestDaemon): Promise<ApiAnswer> {
    const name = this.#random.pick(NAMES);
    const network = this.#random.pick(NAMES);
    switch (this.#random.below(12)) {
      case 0:
      case 1:
        return await daemon.api('POST', '/networks/create', { Name: network });
      case 2:
        return await daemon.api('DELETE', `/networks/${network}`);
      case 3:
        return await daemon.api('POST', `/networks/${network}/connect`, { Container: name });
      case 4:
        return await daemon.api('POST', `/networks/${network}/disconnect`, { Container: name, Force: true });
      case 5:
        return await daemon.api('POST', '/volumes/create', { Name: name });
      case 6:
        return await daemon.api('DELETE', `/volumes/${name}`);
      case 7:
      case 8:
        return await daemon.api('POST', `/volumes/${name}/snapshots`, { Name: network });
      case 9:
        return await daemon.api('POST', `/volumes/${name}/restore`, { Snapshot: network });
      case 10:
        return await daemon.api('DELETE', `/containers/${name}?force=1&v=1`);
      default:
        return await this.#run(daemon, name, network);
    }
  }

  async #run(daemon: TestDaemon, name: string, network: string): Promise<ApiAnswer> {
    const created = await daemon.api('POST', `/containers/create?name=${name}`, {
      Image: 'busybox:test',
      Cmd: ['sleep', '1000'],
      ExposedPorts: { '80/tcp': {} },
      HostConfig: {
        NetworkMode: this.#random.pick([network, 'bridge']),
        PortBindings: { '80/tcp': [{ HostPort: this.#random.pick(PORTS) }] },
        Binds: [`${this.#random.pick(NAMES)}:/data`],
      },
    });
    return created.status === 201 ? await daemon.api('POST', `/containers/${name}/start`) : created;
  }
}
