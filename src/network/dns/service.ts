import { statSync } from 'node:fs';
import type { ContainerId } from '#/base/ids.ts';
import { openBoundSocket } from '#/linux/inet-socket.ts';
import { insideNetns } from '#/linux/netns.ts';
import { type AnsweringRules, answerQueries } from './answer-queries.ts';
import { Forwarder, type Route } from './forwarder.ts';
import { type HostResolvers, watchHostResolvers } from './host-resolvers.ts';
import { type Answerer, type Listeners, listenAt, listenOnSockets } from './listeners.ts';
import { NAME_SERVER_ADDRESS, type NamedNetwork, type NameServerSettings } from './name-server.ts';
import { redirectQuestions } from './redirect.ts';
import { REFUSED, SERVFAIL } from './wire.ts';
import type { Attachment } from './worker-protocol.ts';
import { Zone } from './zone.ts';

const DNS_PORT = 53;
const NFNETLINK_LINGER_MS = 100;

interface Served extends Disposable {
  /** Which namespace it is: paths are used again. */
  readonly netnsInode: number;
  settings: NameServerSettings;
}

/** All that the worker thread does: names served in containers' namespaces and on the host. */
export class NameService implements Disposable {
  readonly #zone = new Zone();
  readonly #forwarder = new Forwarder();
  readonly #served = new Map<ContainerId, Served>();
  readonly #resolvers: HostResolvers;
  readonly #lingering = new Set<Disposable>();
  #host: Disposable | undefined;

  /** `hostAddress` is never asked for what is forwarded: it is us. */
  constructor(hostAddress: string) {
    this.#resolvers = watchHostResolvers(hostAddress);
  }

  setNetwork(networkId: string, network: NamedNetwork | undefined): void {
    this.#zone.setNetwork(networkId, network);
  }

  /** Rejects where port 53 of the address cannot be had. */
  async serveHost(address: string): Promise<void> {
    const { answer, control } = this.#answering({
      local: (question) => this.#zone.answerHost(question),
      route: () => ({ upstreams: this.#resolvers.forHost(), netnsPath: undefined }),
      withoutRoute: REFUSED,
    });
    this.#host = stopping(control, await listenAt(address, DNS_PORT, answer));
  }

  /** Throws where the namespace cannot be entered or nftables refuse. */
  attach({ container, path, settings }: Attachment): void {
    const netnsInode = statSync(path).ino;
    const present = this.#served.get(container);
    if (present?.netnsInode === netnsInode) {
      present.settings = settings;
      return;
    }
    this.detach(container);
    const { answer, control } = this.#answering({
      local: (question) => this.#zone.answerContainer(question, container),
      route: () => this.#routeOf(container, served.settings, path),
      withoutRoute: SERVFAIL,
    });
    const served: Served = { netnsInode, settings, ...stopping(control, this.#listenInside(path, answer)) };
    this.#served.set(container, served);
  }

  /** At once: a socket keeps a namespace alive that nobody else knows of any more. */
  detach(container: ContainerId): void {
    this.#served.get(container)?.[Symbol.dispose]();
    this.#served.delete(container);
  }

  [Symbol.dispose](): void {
    this.#host?.[Symbol.dispose]();
    for (const container of [...this.#served.keys()]) this.detach(container);
    for (const nfnetlink of this.#lingering) nfnetlink[Symbol.dispose]();
  }

  /** On ports that the kernel chooses, to which port 53 is led, so that the container may have 53 for itself. */
  #listenInside(path: string, answer: Answerer): Listeners {
    const { udpFd, tcpFd, nfnetlink } = insideNetns(path, () => {
      using udp = openBoundSocket('udp', NAME_SERVER_ADDRESS);
      using tcp = openBoundSocket('tcp', NAME_SERVER_ADDRESS);
      const nfnetlink = redirectQuestions({ udp: udp.port, tcp: tcp.port });
      return { udpFd: udp.release(), tcpFd: tcp.release(), nfnetlink };
    });
    this.#lingering.add(nfnetlink);
    setTimeout(() => {
      this.#lingering.delete(nfnetlink);
      nfnetlink[Symbol.dispose]();
    }, NFNETLINK_LINGER_MS);
    return listenOnSockets({ udp: udpFd, tcp: tcpFd }, answer);
  }

  #answering(rules: AnsweringRules): { readonly answer: Answerer; readonly control: AbortController } {
    const control = new AbortController();
    return { answer: answerQueries(this.#forwarder, { signal: control.signal, pending: 0 }, rules), control };
  }

  /**
   * Resolvers that were given for the container are asked from where it stands, so that those on its own network and its own
   * 127.0.0.1 are meant as they are there; the host's are asked from the host.
   */
  #routeOf(container: ContainerId, settings: NameServerSettings, path: string): Route {
    const given = settings.upstreams.filter((address) => address !== NAME_SERVER_ADDRESS);
    if (given.length > 0) return { upstreams: given, netnsPath: path };
    const upstreams = this.#zone.mayReachOut(container) ? this.#resolvers.forContainers() : [];
    return { upstreams, netnsPath: undefined };
  }
}

const stopping = (control: AbortController, listeners: Listeners): Disposable => ({
  [Symbol.dispose]() {
    control.abort();
    listeners[Symbol.dispose]();
  },
});
