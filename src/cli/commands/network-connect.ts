import type { EndpointSettings } from '#/spec/docker-api/container.ts';
import { checkInt } from '../args/values.ts';
import type { Command, CommandContext } from '../command.ts';
import { checkLink } from '../run/checks.ts';
import { splitCsv } from '../run/csv.ts';
import { toMap } from '../run/key-values.ts';
import { inPath } from './each.ts';

/** Gives a container, also while it runs, an interface on a network. */
export const networkConnectCommand: Command = {
  usage: 'connect [OPTIONS] NETWORK CONTAINER',
  summary: 'Connect a container to a network',
  flags: [
    { name: 'alias', kind: 'list', type: 'strings', help: 'Add network-scoped alias for the container' },
    { name: 'driver-opt', kind: 'list', type: 'strings', help: 'driver options for the network' },
    {
      name: 'gw-priority',
      kind: 'value',
      type: 'int',
      help: 'Highest gw-priority provides the default gateway. Accepts positive and negative values.',
      check: checkInt,
    },
    { name: 'ip', kind: 'value', help: 'IPv4 address (e.g., "172.30.100.104")' },
    { name: 'ip6', kind: 'value', help: 'IPv6 address (e.g., "2001:db8::33")' },
    { name: 'link', kind: 'list', help: 'Add link to another container', check: checkLink },
    { name: 'link-local-ip', kind: 'list', type: 'strings', help: 'Add a link-local address for the container' },
  ],
  operands: [2, 2],
  examples: [
    'gantry network connect back web',
    'gantry network connect --ip 10.5.0.10 --alias db back postgres',
    'gantry network connect --driver-opt gantry.rate=10mbit back web',
  ],
  run: async (context) => {
    const [network = '', container = ''] = context.operands;
    const body = { Container: container, EndpointConfig: endpointOf(context) };
    await context.client.text('POST', `/networks/${inPath(network)}/connect`, { body });
    return 0;
  },
};

function endpointOf({ flags }: CommandContext): EndpointSettings {
  const all = (name: string): readonly string[] => flags.list(name).flatMap(splitCsv);
  const driverOptions = all('driver-opt');
  if (driverOptions.some((text) => !text.includes('='))) {
    throw new Error('invalid key/value pair format in driver options');
  }
  const [ip, ip6, linkLocal] = [flags.text('ip'), flags.text('ip6'), all('link-local-ip')];
  return {
    IPAMConfig: {
      ...(ip === undefined ? {} : { IPv4Address: ip }),
      ...(ip6 === undefined ? {} : { IPv6Address: ip6 }),
      ...(linkLocal.length > 0 ? { LinkLocalIPs: linkLocal } : {}),
    },
    Links: flags.list('link'),
    Aliases: all('alias'),
    DriverOpts: toMap(driverOptions),
    GwPriority: flags.number('gw-priority') ?? 0,
  };
}

/** Takes a container's interface on a network away, also while it runs. */
export const networkDisconnectCommand: Command = {
  usage: 'disconnect [OPTIONS] NETWORK CONTAINER',
  summary: 'Disconnect a container from a network',
  flags: [{ name: 'force', short: 'f', kind: 'bool', help: 'Force the container to disconnect from a network' }],
  operands: [2, 2],
  examples: ['gantry network disconnect back web'],
  run: async ({ flags, operands, client }) => {
    const [network = '', Container] = operands;
    await client.text('POST', `/networks/${inPath(network)}/disconnect`, {
      body: { Container, Force: flags.bool('force') },
    });
    return 0;
  },
};
