import type { ContainerId } from '#/base/ids.ts';
import { HOST_DOMAIN } from '#/spec/gantry-names.ts';
import type { NamedEndpoint, NamedNetwork } from './name-server.ts';
import { parseReverseName } from './reverse-name.ts';
import {
  type AnswerRecord,
  CLASS_IN,
  encodeName,
  NOERROR,
  NXDOMAIN,
  type Question,
  TYPE_ANY,
  TYPE_PTR,
} from './wire.ts';
import { addressRecords, type IndexedEndpoint, type IndexedNetwork, indexNetwork, TTL_SECONDS } from './zone-index.ts';

const HOST_SUFFIX = `.${HOST_DOMAIN}`;
/** What containers call the host. */
const HOST_NAMES: readonly string[] = ['host.docker.internal', 'gateway.docker.internal', `host${HOST_SUFFIX}`];

export interface LocalAnswer {
  readonly rcode: number;
  readonly records: readonly AnswerRecord[];
}

const NO_DATA: LocalAnswer = { rcode: NOERROR, records: [] };
const NO_SUCH_NAME: LocalAnswer = { rcode: NXDOMAIN, records: [] };

/** A network as one container sees it. */
interface View {
  readonly network: IndexedNetwork;
  readonly own: NamedEndpoint;
}

/** Who is called what on which network. What a container is told depends on the networks that it is on, and on nothing else. */
export class Zone {
  readonly #told = new Map<string, NamedNetwork>();
  /** Made when somebody asks: three hundred containers that start at once tell of each other before anybody does. */
  readonly #indexed = new Map<string, IndexedNetwork>();
  readonly #views = new Map<ContainerId, readonly View[]>();

  setNetwork(id: string, network: NamedNetwork | undefined): void {
    if (network === undefined || network.endpoints.length === 0) this.#told.delete(id);
    else this.#told.set(id, network);
    this.#indexed.delete(id);
    this.#views.clear();
  }

  /** False for containers that are on internal networks only, or on none. */
  mayReachOut(asker: ContainerId): boolean {
    return this.#viewsOf(asker).some(({ network }) => !network.internal);
  }

  /** What a container is answered; undefined where the name is none of ours. */
  answerContainer(question: Question, asker: ContainerId): LocalAnswer | undefined {
    if (question.class !== CLASS_IN) return undefined;
    const views = this.#viewsOf(asker);
    const { name } = question;
    if (HOST_NAMES.includes(name)) return selectRecords(question, addressRecords(views[0]?.own.gateways ?? []));
    const isHostDomain = name === HOST_DOMAIN || name.endsWith(HOST_SUFFIX);
    const serving = views.filter(({ network }) => network.servesNames);
    const endpoints = findForContainer(serving, isHostDomain ? name.slice(0, -HOST_SUFFIX.length) : name);
    if (endpoints !== undefined) return answerWith(question, endpoints);
    // Never forwarded: the host's own resolver would tell of all networks.
    if (isHostDomain) return NO_SUCH_NAME;
    for (const { network } of serving) {
      const found = answerReverse(question, network, `.${network.name}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** What the host is answered: about `gantry.internal` and the addresses of containers. Undefined for all else. */
  answerHost(question: Question): LocalAnswer | undefined {
    if (question.class !== CLASS_IN) return undefined;
    const { name } = question;
    if (name === HOST_DOMAIN) return NO_DATA;
    const networks = this.#networksInOrder();
    if (name.endsWith(HOST_SUFFIX)) {
      const endpoints = findForHost(networks, name.slice(0, -HOST_SUFFIX.length));
      return endpoints === undefined ? NO_SUCH_NAME : answerWith(question, endpoints);
    }
    for (const network of networks) {
      const found = answerReverse(question, network, HOST_SUFFIX);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The container's networks, that of its default gateway first. */
  #viewsOf(asker: ContainerId): readonly View[] {
    const known = this.#views.get(asker);
    if (known !== undefined) return known;
    const views = this.#networksInOrder()
      .flatMap((network) => {
        const own = network.byContainer.get(asker);
        return own ? [{ network, own }] : [];
      })
      .toSorted((a, b) => b.own.gatewayPriority - a.own.gatewayPriority);
    this.#views.set(asker, views);
    return views;
  }

  #networksInOrder(): readonly IndexedNetwork[] {
    for (const [id, network] of this.#told) {
      if (!this.#indexed.has(id)) this.#indexed.set(id, indexNetwork(network));
    }
    return [...this.#indexed.values()].sort(
      (a, b) => Number(a.internal) - Number(b.internal) || (a.name < b.name ? -1 : 1),
    );
  }
}

/** All from the first network that knows the name, so that replicas of different applications are never mixed. */
function findForContainer(views: readonly View[], name: string): readonly IndexedEndpoint[] | undefined {
  for (const view of views) {
    const endpoints = findOnNetwork(view, name);
    if (endpoints !== undefined) return endpoints;
  }
  for (const [local, networkName] of splitAtDots(name)) {
    const view = views.find(({ network }) => network.name === networkName);
    const endpoints = view && findOnNetwork(view, local);
    if (endpoints !== undefined) return endpoints;
  }
  return undefined;
}

function findOnNetwork({ network, own }: View, name: string): readonly IndexedEndpoint[] | undefined {
  const linked = Object.entries(own.links).find(([alias]) => alias.toLowerCase() === name)?.[1];
  return network.byName.get(linked?.toLowerCase() ?? name);
}

/** A container's own name is one on the whole host; what else it is called may mean another one on each network. */
function findForHost(networks: readonly IndexedNetwork[], name: string): readonly IndexedEndpoint[] | undefined {
  const own = networks.flatMap(({ byName }) => byName.get(name)?.filter(({ firstName }) => firstName === name) ?? []);
  if (own.length > 0) return own;
  const first = networks.find(({ byName }) => byName.has(name));
  if (first !== undefined) return first.byName.get(name);
  for (const [local, networkName] of splitAtDots(name)) {
    const endpoints = networks.find((network) => network.name === networkName)?.byName.get(local);
    if (endpoints !== undefined) return endpoints;
  }
  return undefined;
}

/** `a.b.c` → `a` and `b.c`, `a.b` and `c`: in `name.network` either may have dots. */
function* splitAtDots(name: string): Generator<readonly [string, string]> {
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
    yield [name.slice(0, dot), name.slice(dot + 1)];
  }
}

const answerWith = (question: Question, endpoints: readonly IndexedEndpoint[]): LocalAnswer =>
  selectRecords(
    question,
    endpoints.flatMap(({ records }) => records),
  );

/** Those of the type that was asked for, each time beginning with another one. */
function selectRecords({ type }: Question, all: readonly AnswerRecord[]): LocalAnswer {
  const records = all.filter((record) => type === record.type || type === TYPE_ANY);
  const first = Math.floor(Math.random() * records.length);
  return { rcode: NOERROR, records: [...records.slice(first), ...records.slice(0, first)] };
}

function answerReverse({ name, type }: Question, network: IndexedNetwork, suffix: string): LocalAnswer | undefined {
  const digits = parseReverseName(name);
  const firstName = digits === undefined ? undefined : network.byAddress.get(digits)?.firstName;
  if (firstName === undefined) return undefined;
  const data = type === TYPE_PTR || type === TYPE_ANY ? encodeName(`${firstName}${suffix}`) : undefined;
  return data === undefined
    ? NO_DATA
    : { rcode: NOERROR, records: [{ type: TYPE_PTR, ttlSeconds: TTL_SECONDS, data }] };
}
