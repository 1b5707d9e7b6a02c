import type { ContainerInspectResponse, HostConfig, PortMap } from '#/spec/docker-api/container.ts';
import type { Flag, Flags } from '../args/flag.ts';
import { checkInt, checkUint16, parseBytes, parseBytesOrUnlimited, parseCpus } from '../args/values.ts';
import { type Command, type CommandContext, ExitError } from '../command.ts';
import { escapeControls } from '../format/escape.ts';
import { changePorts } from '../run/change-ports.ts';
import { restartPolicyOf } from '../run/restart-policy.ts';
import { forEachOperand, inPath } from './each.ts';

const int = (name: string, help: string): Flag => ({ name, kind: 'value', type: 'int', help, check: checkInt });
const bytes = (name: string, help: string, check: (text: string) => void = parseBytes): Flag => ({
  name,
  kind: 'value',
  type: 'bytes',
  help,
  check,
});

/** Changes limits, restart policy and published ports of containers, also while they run. */
export const updateCommand: Command = {
  usage: 'update [OPTIONS] CONTAINER [CONTAINER...]',
  summary: 'Update configuration of one or more containers',
  aliases: ['container update', 'update'],
  flags: [
    {
      name: 'blkio-weight',
      kind: 'value',
      type: 'uint16',
      fallback: '0',
      help: 'Block IO (relative weight), between 10 and 1000, or 0 to disable',
      check: checkUint16,
    },
    int('cpu-period', 'Limit CPU CFS (Completely Fair Scheduler) period'),
    int('cpu-quota', 'Limit CPU CFS (Completely Fair Scheduler) quota'),
    int('cpu-rt-period', 'Limit the CPU real-time period in microseconds'),
    int('cpu-rt-runtime', 'Limit the CPU real-time runtime in microseconds'),
    { ...int('cpu-shares', 'CPU shares (relative weight)'), short: 'c' },
    { name: 'cpus', kind: 'value', type: 'decimal', help: 'Number of CPUs', check: parseCpus },
    { name: 'cpuset-cpus', kind: 'value', help: 'CPUs in which to allow execution (0-3, 0,1)' },
    { name: 'cpuset-mems', kind: 'value', help: 'MEMs in which to allow execution (0-3, 0,1)' },
    { ...bytes('kernel-memory', 'Kernel memory limit (deprecated)'), hidden: true },
    { ...bytes('memory', 'Memory limit'), short: 'm' },
    bytes('memory-reservation', 'Memory soft limit'),
    bytes('memory-swap', 'Swap limit equal to memory plus swap: -1 to enable unlimited swap', parseBytesOrUnlimited),
    int('pids-limit', 'Tune container pids limit (set -1 for unlimited)'),
    { name: 'publish-add', kind: 'list', help: "Publish a further port of the container, as with run's -p" },
    { name: 'publish-rm', kind: 'list', help: 'Publish a port no longer: [[ip:]host:]container[/proto]' },
    { name: 'restart', kind: 'value', help: 'Restart policy to apply when a container exits' },
  ],
  operands: [1, Number.POSITIVE_INFINITY],
  examples: [
    'gantry update --restart unless-stopped web',
    'gantry update --publish-add 8443:443 --publish-rm 8080:80 web',
    'gantry update -m 512m --cpus 1.5 db cache',
  ],
  run: updateContainers,
};

async function updateContainers(context: CommandContext): Promise<number> {
  const { flags, client, io } = context;
  if (!flags.any()) throw new ExitError(1, 'you must provide one or more flags when using this command');
  const limits = limitsOf(flags);
  const [added, removed] = [flags.list('publish-add'), flags.list('publish-rm')];
  const warnings: string[] = [];
  const code = await forEachOperand(context, async (name) => {
    const path = `/containers/${inPath(name)}`;
    const changesPorts = added.length + removed.length > 0;
    const ports = changesPorts ? { PortBindings: changePorts(await portsOf(context, path), added, removed) } : {};
    const answer = await client.json<{ readonly Warnings?: readonly string[] | null }>('POST', `${path}/update`, {
      body: { ...limits, ...ports },
    });
    warnings.push(...(answer?.Warnings ?? []));
    return name;
  });
  for (const warning of warnings) io.stdout.write(`${escapeControls(warning)}\n`);
  return code;
}

async function portsOf({ client }: CommandContext, path: string): Promise<PortMap> {
  const { HostConfig } = await client.json<ContainerInspectResponse>('GET', `${path}/json`);
  return HostConfig.PortBindings ?? {};
}

/** Zeros and empty texts mean unchanged. */
function limitsOf(flags: Flags): HostConfig & { readonly KernelMemory?: number } {
  const number = (name: string): number => flags.number(name) ?? 0;
  const size = (name: string): number => parseBytesOrUnlimited(flags.text(name) ?? '0');
  const pids = flags.number('pids-limit');
  return {
    BlkioWeight: number('blkio-weight'),
    CpuPeriod: number('cpu-period'),
    CpuQuota: number('cpu-quota'),
    CpuRealtimePeriod: number('cpu-rt-period'),
    CpuRealtimeRuntime: number('cpu-rt-runtime'),
    CpuShares: number('cpu-shares'),
    NanoCpus: parseCpus(flags.text('cpus') ?? '0'),
    CpusetCpus: flags.text('cpuset-cpus') ?? '',
    CpusetMems: flags.text('cpuset-mems') ?? '',
    Memory: size('memory'),
    MemoryReservation: size('memory-reservation'),
    MemorySwap: size('memory-swap'),
    ...(flags.has('kernel-memory') ? { KernelMemory: size('kernel-memory') } : {}),
    ...(pids === undefined ? {} : { PidsLimit: pids }),
    RestartPolicy: restartPolicyOf(flags.text('restart') ?? ''),
  };
}
