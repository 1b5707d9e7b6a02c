import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchEngine, descendantsOf } from './engine.ts';
import { cli } from './row.ts';

export const STREAM_SECONDS = 3;
export const STREAM_PORT = 5201;

export const addressOf = (engine: BenchEngine, name: string, network: string): Promise<string> =>
  cli(engine, ['inspect', '-f', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, name]);

/** The engine runs in a pid namespace of its own: its pids are found among the descendants of its host. */
export async function netnsOf(engine: BenchEngine, name: string): Promise<string> {
  const inner = await cli(engine, ['inspect', '-f', '{{.State.Pid}}', name]);
  const pid = descendantsOf(engine.hostPid).find((candidate) => innerPids(candidate)[1] === inner);
  if (pid === undefined) throw new Error(`${engine.name}: no process ${inner} of ${name}`);
  return `/proc/${pid}/ns/net`;
}

function innerPids(pid: number): readonly string[] {
  try {
    const line = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return (line?.[1] ?? '').split(/\s+/);
  } catch {
    return [];
  }
}

/** Of the process that keeps the engine's host: the first that has namespaces of its own. */
export function hostNetns(engine: BenchEngine): string {
  const pid = descendantsOf(engine.hostPid).find((candidate) => innerPids(candidate).length === 2);
  return `/proc/${pid}/ns/net`;
}

/** Gigabits a second from a client in one namespace to a server in another. */
export async function stream(serverNetns: string, clientNetns: string, address: string): Promise<number> {
  const port = String(STREAM_PORT);
  const server = spawn('nsenter', [`--net=${serverNetns}`, 'iperf3', '-s', '-1', '-p', port], { stdio: 'ignore' });
  try {
    await sleep(300);
    const client = ['iperf3', '-c', address, '-p', port, '-t', String(STREAM_SECONDS), '-J'];
    const report = JSON.parse(await output(['nsenter', `--net=${clientNetns}`, ...client])) as {
      end: { sum_received: { bits_per_second: number } };
    };
    return report.end.sum_received.bits_per_second / 1e9;
  } finally {
    server.kill();
  }
}

export async function output([program = '', ...args]: readonly string[]): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: exit code ${code}\n${text}`);
  return text;
}

/** The tools that these rows measure with. */
export function installNetworkTools(): void {
  const missing = ['iperf3', 'dnsperf', 'dig'].filter((tool) => {
    try {
      execFileSync('sh', ['-c', `command -v ${tool}`], { stdio: 'ignore' });
      return false;
    } catch {
      return true;
    }
  });
  if (missing.length === 0) return;
  const packages = missing.map((tool) => (tool === 'dig' ? 'bind9-dnsutils' : tool));
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
}
