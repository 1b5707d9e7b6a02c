import { isEngineError } from '#/base/errors.ts';
import { shortId } from '#/base/ids.ts';
import type { EndpointNames } from '#/network/network.ts';
import type { EndpointSettings } from './config.ts';
import { type ContainerRecord, getContainer } from './record.ts';
import type { ContainerRoom } from './room.ts';

/** What others on a network call a container: its name first, then aliases, short id and host name, as Docker has it. */
export function namesOn(
  { id, name, config }: Pick<ContainerRecord, 'id' | 'name' | 'config'>,
  { aliases }: Pick<EndpointSettings, 'aliases'>,
): readonly string[] {
  const hostname = config.hostname === '' ? [] : [config.hostname];
  return [...new Set([name, ...aliases, shortId(id), ...hostname])];
}

/** The names of an endpoint. Links go by the short id of who is linked to, which stays when names change. */
export function endpointNames(
  room: Pick<ContainerRoom, 'store'>,
  record: ContainerRecord,
  settings: Pick<EndpointSettings, 'aliases' | 'links'>,
): EndpointNames {
  const links = settings.links.map(parseLink).map(({ target, alias }) => [alias, stableName(room, target)] as const);
  return { own: namesOn(record, settings), links: Object.fromEntries(links) };
}

export interface Link {
  readonly target: string;
  readonly alias: string;
}

/** `container` or `container:alias`. */
export function parseLink(text: string): Link {
  const separator = text.indexOf(':');
  if (separator === -1) return { target: text, alias: text };
  return { target: text.slice(0, separator), alias: text.slice(separator + 1) };
}

function stableName(room: Pick<ContainerRoom, 'store'>, target: string): string {
  try {
    return shortId(getContainer(room, target).id);
  } catch (error) {
    // It may be made later, or bear that name as an alias.
    if (isEngineError(error, 'not-found')) return target;
    throw error;
  }
}
