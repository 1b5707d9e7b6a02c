import { EngineError } from '#/base/errors.ts';
import { listPids } from '#/linux/cgroup.ts';
import { findProgram } from '#/linux/find-program.ts';
import { runProgram } from '#/linux/process.ts';
import { cgroupOf } from './cgroup-of.ts';
import { getContainer } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { isAlive } from './state.ts';

export interface ProcessTable {
  readonly titles: readonly string[];
  readonly processes: readonly (readonly string[])[];
}

const PS_TIMEOUT_MS = 10_000;
const SAFE_PS_ARGUMENTS = /^[\w\s,=:%+-]*$/;

/** The processes of a running container as the host's `ps` prints them. Throws conflict where it is not running. */
export async function topContainer(room: ContainerRoom, reference: string, psArguments: string): Promise<ProcessTable> {
  const record = getContainer(room, reference);
  if (!isAlive(record.state)) throw new EngineError('conflict', `container ${record.id} is not running`);
  if (!SAFE_PS_ARGUMENTS.test(psArguments)) {
    throw new EngineError('invalid-argument', `invalid ps arguments ${JSON.stringify(psArguments)}`);
  }
  const args = psArguments
    .trim()
    .split(/\s+/)
    .filter((argument) => argument !== '');
  const result = await runProgram(findProgram('ps') ?? 'ps', args, { timeoutMs: PS_TIMEOUT_MS });
  if (result.code !== 0) throw new EngineError('invalid-argument', `ps ${psArguments}: ${result.stderr.trim()}`);
  const pids = new Set(listPids(cgroupOf(room, record)));
  return selectProcesses(result.stdout, pids);
}

/** The rows of a `ps` table whose PID column is one of `pids`; the last column keeps its spaces. Throws without a PID column. */
export function selectProcesses(text: string, pids: ReadonlySet<number>): ProcessTable {
  const [header = '', ...lines] = text.split('\n');
  const titles = header.trim().split(/\s+/);
  const pidColumn = titles.indexOf('PID');
  if (pidColumn === -1) throw new EngineError('invalid-argument', "Couldn't find PID field in ps output");
  const processes = lines
    .map((line) => splitColumns(line, titles.length))
    .filter((columns) => pids.has(Number(columns[pidColumn])));
  return { titles, processes };
}

function splitColumns(line: string, count: number): readonly string[] {
  const fields = line.trim().split(/\s+/);
  if (fields.length <= count) return fields;
  return [...fields.slice(0, count - 1), fields.slice(count - 1).join(' ')];
}
