import type { ContainerInspectResponse, PortMap } from '#/spec/docker-api/container.ts';
import { type Command, type CommandContext, ExitError } from '../command.ts';
import { compareNaturally } from '../format/natural-order.ts';
import { printPlace } from '../format/ports.ts';
import { inPath } from './each.ts';

/** Shows which ports of the host lead to a container. */
export const portCommand: Command = {
  usage: 'port CONTAINER [PRIVATE_PORT[/PROTO]]',
  summary: 'List port mappings or a specific mapping for the container',
  aliases: ['container port', 'port'],
  flags: [],
  operands: [1, 2],
  examples: ['gantry port web', 'gantry port web 80/tcp'],
  run: showPorts,
};

async function showPorts({ operands, client, io }: CommandContext): Promise<undefined> {
  const [name = '', wanted] = operands;
  const { NetworkSettings } = await client.json<ContainerInspectResponse>('GET', `/containers/${inPath(name)}/json`);
  const lines = linesOf(NetworkSettings.Ports ?? {}, wanted === undefined ? undefined : parsePort(wanted));
  if (wanted !== undefined && lines.length === 0) {
    throw new ExitError(1, `Error: No public port '${wanted}' published for ${name}`);
  }
  io.stdout.write(lines.map((line) => `${line}\n`).join(''));
}

/** `80` means `80/tcp`. Throws docker's reason. */
function parsePort(text: string): string {
  const [port = '', protocol = 'tcp'] = text.split('/');
  const invalid = (why: string): ExitError =>
    new ExitError(1, `Error: invalid port (${port}): strconv.ParseUint: parsing ${JSON.stringify(port)}: ${why}`);
  if (!/^\d+$/.test(port)) throw invalid('invalid syntax');
  if (Number(port) > 65535) throw invalid('value out of range');
  return `${Number(port)}/${protocol}`;
}

function linesOf(ports: PortMap, wanted: string | undefined): readonly string[] {
  const shown = Object.entries(ports).filter(([port]) => wanted === undefined || port === wanted);
  const lines = shown.flatMap(([port, bindings]) =>
    (bindings ?? []).map(({ HostIp = '', HostPort = '' }) => {
      const place = printPlace(HostIp, HostPort);
      return wanted === undefined ? `${port} -> ${place}` : place;
    }),
  );
  return lines.sort(compareNaturally);
}
