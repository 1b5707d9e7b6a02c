import { demultiplex } from '#/client/frames.ts';
import type { ContainerInspectResponse } from '#/spec/docker-api/container.ts';
import { printTimestamp } from '../args/timestamp.ts';
import { type Command, type CommandContext, ExitError } from '../command.ts';
import { write } from '../streams/attach.ts';
import { inPath } from './each.ts';

/** Shows what a container has written. */
export const logsCommand: Command = {
  usage: 'logs [OPTIONS] CONTAINER',
  summary: 'Fetch the logs of a container',
  aliases: ['container logs', 'logs'],
  flags: [
    { name: 'details', kind: 'bool', help: 'Show extra details provided to logs' },
    { name: 'follow', short: 'f', kind: 'bool', help: 'Follow log output' },
    {
      name: 'since',
      kind: 'value',
      help: 'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    },
    {
      name: 'tail',
      short: 'n',
      kind: 'value',
      help: 'Number of lines to show from the end of the logs',
      fallback: '"all"',
    },
    { name: 'timestamps', short: 't', kind: 'bool', help: 'Show timestamps' },
    {
      name: 'until',
      kind: 'value',
      help: 'Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m" for 42 minutes)',
    },
  ],
  operands: [1, 1],
  examples: ['gantry logs -f --tail 100 web', 'gantry logs --since 10m -t web'],
  run: showLogs,
};

async function showLogs({ flags, operands, client, io }: CommandContext): Promise<number> {
  const [name = ''] = operands;
  const path = `/containers/${inPath(name)}`;
  const time = (option: 'since' | 'until'): string | undefined => {
    const text = flags.text(option);
    if (text === undefined || text === '') return undefined;
    try {
      return printTimestamp(text, Date.now());
    } catch (error) {
      throw new ExitError(1, `invalid value for "${option}": ${error instanceof Error ? error.message : error}`);
    }
  };
  const { Id, Config } = await client.json<ContainerInspectResponse>('GET', `${path}/json`);
  const answer = await client.request('GET', `/containers/${Id}/logs`, {
    query: {
      stdout: true,
      stderr: true,
      since: time('since'),
      until: time('until'),
      ...(flags.bool('timestamps') ? { timestamps: true } : {}),
      ...(flags.bool('follow') ? { follow: true } : {}),
      ...(flags.bool('details') ? { details: true } : {}),
      tail: flags.text('tail') ?? 'all',
    },
  });
  if (Config.Tty) for await (const chunk of answer.body) await write(io.stdout, chunk);
  else await demultiplex(answer.body, (source, bytes) => write(source === 'stderr' ? io.stderr : io.stdout, bytes));
  return 0;
}
