import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CommandOptions, type CommandResult, runCommand } from './command.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The clients that people use: the one on PATH (28.2.2 where this is developed), and Debian's 20.10. */
export type ClientName = 'docker28' | 'docker20' | 'gantry';

const PROGRAMS: Readonly<Record<ClientName, readonly string[]>> = {
  docker28: ['docker'],
  docker20: [join(ROOT, 'node_modules/.cache/docker-debian/usr/bin/docker')],
  gantry: [join(ROOT, 'gantry')],
};

export interface Client {
  readonly client: ClientName;
  /** Runs `docker ARGS…` to its end. */
  (args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** The same, but anything but exit code 0 is an error; resolves to stdout without the last line break. */
  ok(args: readonly string[], options?: CommandOptions): Promise<string>;
  /** argv and environment, for tests that need the process itself. */
  command(args: readonly string[]): {
    readonly argv: readonly string[];
    readonly env: Readonly<Record<string, string>>;
  };
}

/** False where the machine has no docker client of its own; Debian's is always fetched by `npm test`. */
export function hasClient(name: ClientName): boolean {
  const program = PROGRAMS[name][0] ?? '';
  if (program.includes('/')) return existsSync(program);
  return (process.env.PATH ?? '').split(':').some((directory) => existsSync(join(directory, program)));
}

/** A client that talks to the given host, with an empty configuration of its own. */
export function makeClient(name: ClientName, host: string): Client {
  const env = { DOCKER_HOST: host, GANTRY_HOST: host, DOCKER_CONFIG: join(tmpdir(), 'docker-config') };
  const run = (args: readonly string[], options: CommandOptions = {}) =>
    runCommand([...PROGRAMS[name], ...args], { ...options, env: { ...env, ...options.env } });
  const ok = async (args: readonly string[], options: CommandOptions = {}) => {
    const result = await run(args, options);
    if (result.code !== 0) {
      throw new Error(`${name} ${args.join(' ')}: exit code ${result.code}\n${result.stdout}${result.stderr}`);
    }
    return result.stdout.replace(/\n$/, '');
  };
  const command = (args: readonly string[]) => ({ argv: [...PROGRAMS[name], ...args], env });
  return Object.assign(run, { ok, command, client: name });
}
