import { parseBool } from '../args/flag.ts';
import { sortToSubnets } from '../args/subnets.ts';
import { checkLabel } from '../args/values.ts';
import type { Command, CommandContext } from '../command.ts';
import { escapeControls } from '../format/escape.ts';
import { splitCsv } from '../run/csv.ts';
import { toMap } from '../run/key-values.ts';

/** Creates a network and prints its id. */
export const networkCreateCommand: Command = {
  usage: 'create [OPTIONS] NETWORK',
  summary: 'Create a network',
  flags: [
    { name: 'attachable', kind: 'bool', help: 'Enable manual container attachment' },
    {
      name: 'aux-address',
      kind: 'list',
      type: 'map',
      fallback: 'map[]',
      help: 'Auxiliary IPv4 or IPv6 addresses used by Network driver',
    },
    { name: 'config-from', kind: 'value', help: 'The network from which to copy the configuration' },
    { name: 'config-only', kind: 'bool', help: 'Create a configuration only network' },
    { name: 'driver', short: 'd', kind: 'value', fallback: '"bridge"', help: 'Driver to manage the Network' },
    { name: 'gateway', kind: 'list', type: 'strings', help: 'IPv4 or IPv6 Gateway for the master subnet' },
    { name: 'ingress', kind: 'bool', help: 'Create swarm routing-mesh network' },
    { name: 'internal', kind: 'bool', help: 'Restrict external access to the network' },
    { name: 'ip-range', kind: 'list', type: 'strings', help: 'Allocate container ip from a sub-range' },
    { name: 'ipam-driver', kind: 'value', fallback: '"default"', help: 'IP Address Management Driver' },
    { name: 'ipam-opt', kind: 'list', type: 'map', fallback: 'map[]', help: 'Set IPAM driver specific options' },
    { name: 'ipv4', kind: 'bool', fallback: 'true', help: 'Enable or disable IPv4 address assignment' },
    { name: 'ipv6', kind: 'bool', help: 'Enable or disable IPv6 address assignment', check: parseBool },
    { name: 'label', kind: 'list', help: 'Set metadata on a network', check: checkLabel },
    { name: 'opt', short: 'o', kind: 'list', type: 'map', fallback: 'map[]', help: 'Set driver specific options' },
    { name: 'scope', kind: 'value', help: "Control the network's scope" },
    {
      name: 'subnet',
      kind: 'list',
      type: 'strings',
      help: 'Subnet in CIDR format that represents a network segment',
    },
  ],
  operands: [1, 1],
  examples: [
    'gantry network create app',
    'gantry network create --subnet 10.5.0.0/16 --gateway 10.5.0.1 --internal back',
    'gantry network create --ipv6 --subnet 10.6.0.0/24 --subnet fd00:6::/64 dual',
    'gantry network create -d macvlan -o parent=eth0 --ipam-driver dhcp lan',
  ],
  run: createNetwork,
};

async function createNetwork(context: CommandContext): Promise<undefined> {
  const { client, io } = context;
  const created = await client.json<{ readonly Id: string; readonly Warning?: string }>('POST', '/networks/create', {
    body: requestOf(context),
  });
  if (created.Warning) io.stderr.write(`WARNING: ${escapeControls(created.Warning)}\n`);
  io.stdout.write(`${created.Id}\n`);
}

function requestOf({ flags, operands }: CommandContext): object {
  const all = (name: string): readonly string[] => flags.list(name).flatMap(splitCsv);
  const configFrom = flags.text('config-from') ?? '';
  return {
    Name: operands[0],
    Driver: flags.text('driver') ?? 'bridge',
    Scope: flags.text('scope') ?? '',
    ...(flags.has('ipv4') ? { EnableIPv4: flags.bool('ipv4') } : {}),
    ...(flags.has('ipv6') ? { EnableIPv6: flags.bool('ipv6') } : {}),
    IPAM: {
      Driver: flags.text('ipam-driver') ?? 'default',
      Options: toMap(flags.list('ipam-opt')),
      Config: sortToSubnets({
        subnets: all('subnet'),
        ranges: all('ip-range'),
        gateways: all('gateway'),
        auxiliary: toMap(flags.list('aux-address')),
      }),
    },
    Internal: flags.bool('internal'),
    Attachable: flags.bool('attachable'),
    Ingress: flags.bool('ingress'),
    ConfigOnly: flags.bool('config-only'),
    ConfigFrom: configFrom === '' ? null : { Network: configFrom },
    Options: toMap(flags.list('opt')),
    Labels: toMap(flags.list('label')),
  };
}
