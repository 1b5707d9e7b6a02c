import { DaemonError } from '#/client/daemon-error.ts';
import type { Flag } from '../args/flag.ts';
import { type Command, type CommandContext, ExitError } from '../command.ts';
import { describeFailure } from '../failure.ts';
import { indentJson } from '../format/go-json.ts';
import { OBJECT_FORMAT_FLAG } from './format-flag.ts';

/** Where each type of object is found; tried in this order where no type is given. */
const PATHS = {
  container: (name: string) => `/containers/${encodeURIComponent(name)}/json`,
  image: (name: string) => `/images/${encodeURI(name)}/json`,
  network: (name: string) => `/networks/${encodeURIComponent(name)}`,
  volume: (name: string) => `/volumes/${encodeURIComponent(name)}`,
} as const;
type ObjectType = keyof typeof PATHS;

const TYPES = ['config', 'container', 'image', 'network', 'node', 'plugin', 'secret', 'service', 'task', 'volume'];
const isKnown = (type: string): type is ObjectType => Object.hasOwn(PATHS, type);

const SIZE: Flag = {
  name: 'size',
  short: 's',
  kind: 'bool',
  help: 'Display total file sizes if the type is container',
};
const MANY: readonly [number, number] = [1, Number.POSITIVE_INFINITY];

/** Shows all that the engine knows of objects of any type. */
export const inspectCommand: Command = {
  usage: 'inspect [OPTIONS] NAME|ID [NAME|ID...]',
  summary: 'Return low-level information on Gantry objects',
  flags: [OBJECT_FORMAT_FLAG, SIZE, { name: 'type', kind: 'value', help: 'Only inspect objects of the given type' }],
  operands: MANY,
  examples: ["gantry inspect --format '{{.State.Status}}' web", 'gantry inspect --type image my/app'],
  run: (context) => inspect(context, context.flags.text('type')),
};

export const containerInspectCommand: Command = {
  usage: 'inspect [OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Display detailed information on one or more containers',
  flags: [OBJECT_FORMAT_FLAG, { ...SIZE, help: 'Display total file sizes' }],
  operands: MANY,
  examples: ["gantry container inspect --format '{{json .Config.Env}}' web"],
  run: (context) => inspect(context, 'container'),
};

export const imageInspectCommand: Command = {
  usage: 'inspect [OPTIONS] IMAGE [IMAGE...]',
  summary: 'Display detailed information on one or more images',
  flags: [
    OBJECT_FORMAT_FLAG,
    { name: 'platform', kind: 'value', help: 'Inspect a specific platform of the image', hidden: true },
  ],
  operands: MANY,
  examples: ["gantry image inspect --format '{{.Id}}' my/app"],
  run: (context) => inspect(context, 'image'),
};

export const networkInspectCommand: Command = {
  usage: 'inspect [OPTIONS] NETWORK [NETWORK...]',
  summary: 'Display detailed information on one or more networks',
  flags: [OBJECT_FORMAT_FLAG, { name: 'verbose', short: 'v', kind: 'bool', help: 'Verbose output for diagnostics' }],
  operands: MANY,
  examples: ["gantry network inspect --format '{{range .Containers}}{{.Name}} {{.IPv4Address}} {{end}}' back"],
  run: (context) => inspect(context, 'network'),
};

export const volumeInspectCommand: Command = {
  usage: 'inspect [OPTIONS] VOLUME [VOLUME...]',
  summary: 'Display detailed information on one or more volumes',
  flags: [OBJECT_FORMAT_FLAG],
  operands: MANY,
  examples: ["gantry volume inspect --format '{{.Mountpoint}}' data"],
  run: (context) => inspect(context, 'volume'),
};

async function inspect(context: CommandContext, type: string | undefined): Promise<number> {
  const { flags, operands, io } = context;
  if (type !== undefined && type !== '' && !isKnown(type)) {
    if (TYPES.includes(type)) throw new ExitError(1, `gantry inspect: objects of type ${type} are not implemented`);
    const known = TYPES.map((one) => JSON.stringify(one)).join(', ');
    throw new ExitError(1, `unknown type: ${JSON.stringify(type)}: must be one of ${known}`);
  }
  const types: readonly ObjectType[] = type ? [type as ObjectType] : (Object.keys(PATHS) as ObjectType[]);
  const found: string[] = [];
  const failures: string[] = [];
  for (const name of operands) {
    try {
      found.push(await fetchObject(context, name, types));
    } catch (error) {
      if (!(error instanceof DaemonError || error instanceof ExitError)) throw error;
      failures.push(error instanceof ExitError ? error.message : describeFailure(error));
    }
  }
  io.stdout.write(await printObjects(found, flags.text('format')));
  for (const failure of failures) io.stderr.write(`${failure}\n`);
  return failures.length === 0 ? 0 : 1;
}

/** The object's JSON as the daemon wrote it. */
async function fetchObject(
  { flags, client }: CommandContext,
  name: string,
  types: readonly ObjectType[],
): Promise<string> {
  for (const type of types) {
    const query = {
      ...(type === 'container' && flags.bool('size') ? { size: true } : {}),
      ...(type === 'network' && flags.bool('verbose') ? { verbose: 'true' } : {}),
    };
    try {
      return await client.text('GET', PATHS[type](name), { query });
    } catch (error) {
      const isElsewhere = error instanceof DaemonError && (error.status === 404 || error.status === 501);
      if (types.length === 1 || !isElsewhere) throw error;
    }
  }
  throw new ExitError(1, `Error: No such object: ${name}`);
}

async function printObjects(texts: readonly string[], format: string | undefined): Promise<string> {
  if (format === 'json') return `[${texts.map((text) => text.trim()).join(',')}]\n`;
  if (format !== undefined && format !== '') {
    const { compileTemplate } = await import('../template/template.ts');
    const fill = compileTemplate(format);
    return texts.map((text) => `${fill(JSON.parse(text))}\n`).join('');
  }
  if (texts.length === 0) return '[]\n';
  return `[\n${texts.map((text) => `    ${indentJson(text, '    ', '    ')}`).join(',\n')}\n]\n`;
}
