import type { SystemInfo } from '#/spec/docker-api/system.ts';
import type { Command, CommandContext } from '../command.ts';
import { describeFailure } from '../failure.ts';
import { escapeControls } from '../format/escape.ts';
import { printJson } from '../format/go-json.ts';
import { printInfo } from '../format/info.ts';
import { CLIENT_VERSION } from '../version.ts';
import { OBJECT_FORMAT_FLAG } from './format-flag.ts';

/** Shows what the engine is, has and can do. */
export const infoCommand: Command = {
  usage: 'info [OPTIONS]',
  summary: 'Display system-wide information',
  aliases: ['system info', 'info'],
  flags: [OBJECT_FORMAT_FLAG],
  operands: [0, 0],
  examples: ['gantry info', "gantry info --format '{{.Driver}} {{.NCPU}}'"],
  run: showInfo,
};

async function showInfo({ flags, client, io }: CommandContext): Promise<number> {
  const format = flags.text('format') ?? '';
  const ClientInfo = { Debug: false, Version: CLIENT_VERSION, Context: 'default', Plugins: [], Warnings: null };
  let info: SystemInfo | undefined;
  let failure: unknown;
  try {
    info = await client.json<SystemInfo>('GET', '/info');
  } catch (error) {
    failure = error;
  }
  if (format !== '') {
    const ServerErrors = failure === undefined ? [] : [describeFailure(failure)];
    const all = { ...(info ?? {}), ...(failure === undefined ? {} : { ServerErrors }), ClientInfo };
    if (format === 'json') io.stdout.write(`${printJson(all)}\n`);
    else {
      const { compileTemplate } = await import('../template/template.ts');
      io.stdout.write(`${compileTemplate(format)(all)}\n`);
    }
    return failure === undefined ? 0 : 1;
  }
  io.stdout.write(`Client:\n Version:    ${CLIENT_VERSION}\n Context:    default\n Debug Mode: false\n\nServer:\n`);
  if (info === undefined) throw failure;
  io.stdout.write(
    `${printInfo(info)
      .map((line) => ` ${escapeControls(line)}\n`)
      .join('')}\n`,
  );
  for (const warning of info.Warnings ?? []) io.stderr.write(`${escapeControls(warning)}\n`);
  return 0;
}
