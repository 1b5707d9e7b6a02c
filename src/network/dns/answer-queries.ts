import type { Forwarder, ForwardingClient, Route } from './forwarder.ts';
import type { Answerer } from './listeners.ts';
import { parseQuery, type Question, type REFUSED, type SERVFAIL, udpBytesOf, writeAnswer } from './wire.ts';
import type { LocalAnswer } from './zone.ts';

const TCP_BYTES = 65_535;

/** How one client's questions are answered. */
export interface AnsweringRules {
  /** Undefined where the name is none of ours. */
  local(question: Question): LocalAnswer | undefined;
  /** Whom to ask about all other names; no upstreams where nobody may be asked. */
  route(): Route;
  /** What is said where nobody may be asked. */
  readonly withoutRoute: typeof SERVFAIL | typeof REFUSED;
}

/** Reads a message, and answers it from what is known here or by asking others. */
export function answerQueries(forwarder: Forwarder, client: ForwardingClient, rules: AnsweringRules): Answerer {
  return (message, transport) => {
    const query = parseQuery(message);
    if (query === undefined || Buffer.isBuffer(query)) return query;
    const maxBytes = transport === 'udp' ? udpBytesOf(query) : TCP_BYTES;
    const local = rules.local(query.question);
    if (local !== undefined) return writeAnswer(query, local.rcode, local.records, maxBytes);
    const route = rules.route();
    if (route.upstreams.length === 0) return writeAnswer(query, rules.withoutRoute, [], maxBytes);
    return forwarder
      .forward(client, query, transport, route)
      .then((answer) => (Buffer.isBuffer(answer) ? answer : writeAnswer(query, answer, [], maxBytes)));
  };
}
