import { API_VERSION } from '#/client/client.ts';
import type { SystemVersion } from '#/spec/docker-api/system.ts';
import type { Command, CommandContext } from '../command.ts';
import { printJson } from '../format/go-json.ts';
import { CLIENT_VERSION } from '../version.ts';
import { OBJECT_FORMAT_FLAG } from './format-flag.ts';

/** Shows the versions of client and engine. */
export const versionCommand: Command = {
  usage: 'version [OPTIONS]',
  summary: 'Show the Gantry version information',
  flags: [OBJECT_FORMAT_FLAG],
  operands: [0, 0],
  examples: ['gantry version', "gantry version --format '{{.Server.Version}}'"],
  run: showVersion,
};

interface ClientVersion {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly DefaultAPIVersion: string;
  readonly NodeVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly Context: string;
}

async function showVersion({ flags, client, io }: CommandContext): Promise<number> {
  let server: SystemVersion | undefined;
  let failure: unknown;
  let apiVersion = API_VERSION;
  try {
    apiVersion = await client.apiVersion();
    server = await client.json<SystemVersion>('GET', '/version');
  } catch (error) {
    failure = error;
  }
  const Client: ClientVersion = {
    Version: CLIENT_VERSION,
    ApiVersion: apiVersion,
    DefaultAPIVersion: API_VERSION,
    NodeVersion: process.version,
    Os: process.platform,
    Arch: process.arch === 'x64' ? 'amd64' : process.arch,
    Context: 'default',
  };
  io.stdout.write(await print(Client, server, flags.text('format')));
  if (failure !== undefined) throw failure;
  return 0;
}

async function print(Client: ClientVersion, Server: SystemVersion | undefined, format = ''): Promise<string> {
  if (format === 'json') return `${printJson({ Client, Server: Server ?? null })}\n`;
  if (format !== '') {
    const { compileTemplate } = await import('../template/template.ts');
    return `${compileTemplate(format)({ Client, Server: Server ?? null })}\n`;
  }
  return `${printClient(Client)}${Server === undefined ? '' : `\n${printServer(Server)}`}`;
}

const line = (indent: number, name: string, value: string): string =>
  `${' '.repeat(indent)}${`${name}:`.padEnd(18)}${value}\n`;

function printClient(version: ClientVersion): string {
  const { ApiVersion, DefaultAPIVersion } = version;
  const api = ApiVersion === DefaultAPIVersion ? ApiVersion : `${ApiVersion} (downgraded from ${DefaultAPIVersion})`;
  return [
    'Client:\n',
    line(1, 'Version', version.Version),
    line(1, 'API version', api),
    line(1, 'Node version', version.NodeVersion.slice(1)),
    line(1, 'OS/Arch', `${version.Os}/${version.Arch}`),
    line(1, 'Context', version.Context),
  ].join('');
}

/** `Thu May  7 21:09:36 2026`, in UTC. */
function printBuildTime(text: string): string {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) return text;
  const [weekday = '', day = '', month = '', year = '', time = ''] = new Date(ms).toUTCString().split(/,? /);
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${time} ${year}`;
}

function printServer(server: SystemVersion): string {
  const platform = server.Platform?.Name ?? '';
  const lines = [`Server:${platform === '' ? '' : ` ${platform}`}\n`];
  const components = server.Components ?? [{ Name: 'Engine', Version: server.Version, Details: {} }];
  for (const { Name, Version, Details } of components) {
    lines.push(` ${Name}:\n`, line(2, 'Version', Version));
    if (Name === 'Engine') lines.push(...printEngine(server, Details ?? {}));
    else lines.push(...Object.entries(Details ?? {}).map(([name, value]) => line(2, name, value)));
  }
  return lines.join('');
}

function printEngine(server: SystemVersion, details: Readonly<Record<string, string>>): readonly string[] {
  const optional = (name: string, value: string | undefined): readonly string[] =>
    value === undefined ? [] : [line(2, name, value)];
  const { BuildTime } = details;
  return [
    line(2, 'API version', `${server.ApiVersion} (minimum version ${server.MinAPIVersion})`),
    ...optional('Go version', details.GoVersion),
    ...optional('Git commit', details.GitCommit),
    ...optional('Built', BuildTime === undefined ? undefined : printBuildTime(BuildTime)),
    line(2, 'OS/Arch', `${server.Os}/${server.Arch}`),
    line(2, 'Experimental', String(server.Experimental ?? false)),
  ];
}
