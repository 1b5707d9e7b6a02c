import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import type { CommandResult } from '../support/command.ts';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { type Client, hasClient, makeClient } from '../support/docker.ts';
import { type ImageArchive, makeImageArchive, writeBusyboxArchive } from '../support/image.ts';

/** One daemon for a whole test file, driven by the docker client, with `busybox:test` loaded. */
export interface Subject {
  readonly daemon: TestDaemon;
  readonly docker: Client;
  /** `docker run --rm --network none FLAGS busybox:test COMMAND`, whatever its exit code. */
  run(flags: readonly string[], ...command: readonly string[]): Promise<CommandResult>;
  /** The same; resolves to what it printed, fails unless it ended with 0. */
  prints(flags: readonly string[], ...command: readonly string[]): Promise<string>;
  /** The daemon's message of a run that must be refused, without the client's frame around it. */
  refusal(flags: readonly string[], ...command: readonly string[]): Promise<string>;
  /** Starts a container that sleeps; resolves to the pid of its first process. */
  start(name: string, flags: readonly string[]): Promise<number>;
  load(image: ImageArchive): Promise<void>;
}

/** Call at the top of a test file; the result works inside tests. */
export function useSubject(): Subject {
  let daemon: TestDaemon | undefined;
  let docker: Client | undefined;
  const started = <T>(value: T | undefined): T => {
    if (value === undefined) throw new Error('used before the daemon was started');
    return value;
  };
  before(async () => {
    daemon = await startDaemon(undefined);
    docker = makeClient(hasClient('docker28') ? 'docker28' : 'docker20', daemon.host);
    const archive = join(tmpdir(), 'busybox.tar');
    writeBusyboxArchive(archive);
    await docker.ok(['load', '-qi', archive]);
  });
  after(async () => {
    const ids = (await docker?.ok(['ps', '-aq']))?.split('\n').filter(Boolean) ?? [];
    if (ids.length > 0) await docker?.ok(['rm', '-f', ...ids]);
    await daemon?.stop();
  });
  const run: Subject['run'] = (flags, ...command) =>
    started(docker)(['run', '--rm', '--network', 'none', ...flags, 'busybox:test', ...command], { timeoutMs: 20_000 });
  return {
    get daemon() {
      return started(daemon);
    },
    get docker() {
      return started(docker);
    },
    run,
    async prints(flags, ...command) {
      const { code, stdout, stderr } = await run(flags, ...command);
      if (code !== 0) throw new Error(`run ${[...flags, ...command].join(' ')}: exit code ${code}\n${stdout}${stderr}`);
      return stdout.trimEnd();
    },
    async refusal(flags, ...command) {
      const { code, stdout, stderr } = await run(flags, ...command);
      if (code === 0) throw new Error(`run ${flags.join(' ')} was not refused; it printed ${stdout}`);
      return messageIn(stderr);
    },
    async start(name, flags) {
      await started(docker).ok([
        'run',
        '-d',
        '--name',
        name,
        '--network',
        'none',
        ...flags,
        'busybox:test',
        'sleep',
        '600',
      ]);
      return Number(await started(docker).ok(['inspect', '-f', '{{.State.Pid}}', name]));
    },
    async load(image) {
      await started(docker).ok(['load', '-q'], { input: makeImageArchive(image).archive });
    },
  };
}

/** What the daemon said, of what the client prints. */
export function messageIn(stderr: string): string {
  const [first = ''] = stderr.split('\n');
  return first
    .replace(/^docker: /, '')
    .replace(/^Error response from daemon: /, '')
    .replace(/\.$/, '');
}

/** A field of /proc/PID/status, as the kernel tells it. */
export function statusField(pid: number | 'self', field: string): string {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
}

export const usesCgroupV1 = (): boolean => readFileSync('/proc/self/cgroup', 'utf8').includes(':memory:');

/** A control file of a process's group, seen from outside its container (control groups v1). */
export function readLimit(pid: number, controller: string, file: string): string {
  const line = readFileSync(`/proc/${pid}/cgroup`, 'utf8')
    .split('\n')
    .find((candidate) => candidate.split(':')[1] === controller);
  if (line === undefined) throw new Error(`process ${pid} is in no group of ${controller}`);
  return readFileSync(join('/sys/fs/cgroup', controller, line.split(':')[2] ?? '', file), 'utf8').trim();
}
