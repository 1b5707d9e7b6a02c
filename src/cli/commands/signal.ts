import type { Flag } from '../args/flag.ts';
import { checkInt } from '../args/values.ts';
import type { Command, CommandContext } from '../command.ts';
import { forEachOperand, inPath } from './each.ts';

const SIGNAL: Flag = { name: 'signal', short: 's', kind: 'value', help: 'Signal to send to the container' };
const TIMEOUT: Flag = {
  name: 'timeout',
  short: 't',
  kind: 'value',
  type: 'int',
  help: 'Seconds to wait before killing the container',
  check: checkInt,
};
const TIME: Flag = { ...TIMEOUT, name: 'time', hidden: true };

const MANY: readonly [number, number] = [1, Number.POSITIVE_INFINITY];

/** Asks containers to end, and kills those that do not in time. */
export const stopCommand: Command = {
  usage: 'stop [OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Stop one or more running containers',
  aliases: ['container stop', 'stop'],
  flags: [SIGNAL, TIMEOUT, TIME],
  operands: MANY,
  examples: ['gantry stop web', 'gantry stop -t 30 db'],
  run: (context) => stopOrRestart(context, 'stop'),
};

export const restartCommand: Command = {
  usage: 'restart [OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Restart one or more containers',
  aliases: ['container restart', 'restart'],
  flags: [SIGNAL, TIMEOUT, TIME],
  operands: MANY,
  examples: ['gantry restart web'],
  run: (context) => stopOrRestart(context, 'restart'),
};

/** Sends a signal, SIGKILL unless told. */
export const killCommand: Command = {
  usage: 'kill [OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Kill one or more running containers',
  aliases: ['container kill', 'kill'],
  flags: [SIGNAL],
  operands: MANY,
  examples: ['gantry kill web', 'gantry kill -s HUP web'],
  run: (context) =>
    forEachOperand(context, async (name) => {
      await context.client.text('POST', `/containers/${inPath(name)}/kill`, {
        query: { signal: context.flags.text('signal') },
      });
      return name;
    }),
};

function stopOrRestart(context: CommandContext, verb: 'stop' | 'restart'): Promise<number> {
  const { flags, client } = context;
  const t = flags.text('timeout') ?? flags.text('time');
  return forEachOperand(context, async (name) => {
    await client.text('POST', `/containers/${inPath(name)}/${verb}`, { query: { t, signal: flags.text('signal') } });
    return name;
  });
}
