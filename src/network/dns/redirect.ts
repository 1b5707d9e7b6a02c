import { addChain, addRule, addTable, deleteTable, nftTransaction, openNfnetlink } from '#/linux/nfnetlink.ts';
import {
  DESTINATION_PORT,
  equals,
  IP_DESTINATION,
  IP_SOURCE,
  PROTOCOL,
  SOURCE_PORT,
  setPort,
} from '#/linux/nft-expressions.ts';
import { addressValue, portValue, protocolValue } from '#/linux/nft-values.ts';
import { NAME_SERVER_ADDRESS } from './name-server.ts';

const DNS_PORT = 53;
const TABLE = { family: 'ip', name: 'gantry-names' } as const;
/**
 * Before connection tracking sees an answer, and after it has seen a question: what a container's own rules look at is port
 * 53, both ways.
 */
const ANSWERS_PRIORITY = -300;
const QUESTIONS_PRIORITY = 300;

/** The kernel-chosen ports, in a container's namespace, on which it is really served. */
export interface ServedPorts {
  readonly udp: number;
  readonly tcp: number;
}

/**
 * Leads port 53 of 127.0.0.11 to the served ports, in the network namespace in which this thread stands, and replaces what
 * led elsewhere. Ports are written over in the packets instead of being translated: that needs no connection tracking, which
 * would cost every other packet of the container something.
 *
 * The result is the socket that was used, for the caller to close a little later: for about 20 ms after a change, the kernel
 * lets whoever closes such a socket wait until it has freed what it no longer needs.
 */
export function redirectQuestions(ports: ServedPorts): Disposable {
  const chain = (name: string, priority: number) =>
    addChain(TABLE, { name, base: { type: 'filter', hook: 'output', priority, policy: 'accept' } });
  const nfnetlink = openNfnetlink();
  nfnetlink.batchNow(
    nftTransaction([
      addTable(TABLE),
      deleteTable(TABLE),
      addTable(TABLE),
      chain('questions', QUESTIONS_PRIORITY),
      chain('answers', ANSWERS_PRIORITY),
      ...(['udp', 'tcp'] as const).flatMap((protocol) => rulesFor(protocol, ports[protocol])),
    ]),
  );
  return nfnetlink;
}

function rulesFor(protocol: 'udp' | 'tcp', port: number) {
  const address = addressValue(NAME_SERVER_ADDRESS);
  const isProtocol = equals(PROTOCOL, protocolValue(protocol));
  return [
    addRule(TABLE, {
      chain: 'questions',
      expressions: [
        ...equals(IP_DESTINATION, address),
        ...isProtocol,
        ...equals(DESTINATION_PORT, portValue(DNS_PORT)),
        ...setPort('destination', protocol, port),
      ],
    }),
    addRule(TABLE, {
      chain: 'answers',
      expressions: [
        ...equals(IP_SOURCE, address),
        ...isProtocol,
        ...equals(SOURCE_PORT, portValue(port)),
        ...setPort('source', protocol, DNS_PORT),
      ],
    }),
  ];
}
