import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { api, create, start } from '../api.ts';
import type { BenchEngine } from '../engine.ts';
import { SMALL_IMAGE } from '../images.ts';
import { addressOf, hostNetns, netnsOf, output, STREAM_PORT, STREAM_SECONDS, stream } from '../network-tools.ts';
import { cli, type Row, timed } from '../row.ts';

const DAEMONS = ['gantry', 'dockerd'] as const;
const MANY_ON_ONE_NETWORK = 300;
const DNS_SECONDS = 3;

/** What one bridge more costs a start: difference of two starts right after one another. */
const bridgeCost: Row = {
  id: 'bridge-cost',
  title: 'API start on the default bridge minus with no network',
  unit: 'ms',
  goal: { kind: 'atMost', value: 6 },
  engines: DAEMONS,
  samples: 25,
  sample: async (engine) => (await startMs(engine, 'bridge')) - (await startMs(engine, 'none')),
};

const publishCost: Row = {
  id: 'publish-cost',
  title: 'API start with one published port minus without',
  unit: 'ms',
  engines: DAEMONS,
  samples: 15,
  sample: async (engine) => {
    const published = await startMs(engine, 'bridge', { '80/tcp': [{ HostPort: '18080' }] });
    return published - (await startMs(engine, 'bridge'));
  },
};

async function startMs(engine: BenchEngine, networkMode: string, portBindings = {}): Promise<number> {
  const host = { NetworkMode: networkMode, PortBindings: portBindings };
  const id = await create(engine, { HostConfig: host, ExposedPorts: { '80/tcp': {} } });
  const tookMs = await timed(() => start(engine, id));
  await api(engine, 'DELETE', `/containers/${id}?force=1`);
  return tookMs;
}

const networkLife: Row = {
  id: 'network-life',
  title: 'network create + rm (API)',
  unit: 'ms',
  goal: { kind: 'ratio', atMost: 0.3 },
  engines: DAEMONS,
  samples: 15,
  sample: (engine) =>
    timed(async () => {
      await api(engine, 'POST', '/networks/create', { Name: 'bench-life' });
      await api(engine, 'DELETE', '/networks/bench-life');
    }),
};

const disconnect: Row = {
  id: 'disconnect',
  title: 'network disconnect of a running container (API)',
  unit: 'ms',
  engines: DAEMONS,
  samples: 10,
  prepare: async (engine) => {
    await api(engine, 'POST', '/networks/create', { Name: 'bench-leave' });
    await api(engine, 'POST', '/networks/create', { Name: 'bench-stay' });
    await cli(engine, ['run', '-d', '--name', 'bench-leaver', '--network', 'bench-stay', SMALL_IMAGE, 'sleep', '9999']);
  },
  sample: async (engine) => {
    await api(engine, 'POST', '/networks/bench-leave/connect', { Container: 'bench-leaver' });
    return await timed(() => api(engine, 'POST', '/networks/bench-leave/disconnect', { Container: 'bench-leaver' }));
  },
  finish: async (engine) => {
    await cli(engine, ['rm', '-f', 'bench-leaver']);
    await cli(engine, ['network', 'rm', 'bench-leave', 'bench-stay']);
  },
};

const betweenContainers: Row = {
  id: 'throughput-containers',
  title: `container to container, ${STREAM_SECONDS} s of iperf3`,
  unit: 'Gbit/s',
  goal: { kind: 'ratioAtLeast', value: 1 },
  engines: DAEMONS,
  samples: 4,
  prepare: async (engine) => {
    await api(engine, 'POST', '/networks/create', { Name: 'bench-stream' });
    const both = ['--network', 'bench-stream', SMALL_IMAGE, 'sleep', '9999'];
    await cli(engine, ['run', '-d', '--name', 'bench-server', ...both]);
    await cli(engine, ['run', '-d', '--name', 'bench-client', ...both]);
  },
  sample: async (engine) => {
    const address = await addressOf(engine, 'bench-server', 'bench-stream');
    return await stream(await netnsOf(engine, 'bench-server'), await netnsOf(engine, 'bench-client'), address);
  },
  finish: async (engine) => {
    await cli(engine, ['rm', '-f', 'bench-server', 'bench-client']);
    await cli(engine, ['network', 'rm', 'bench-stream']);
  },
};

const throughPort: Row = {
  id: 'throughput-port',
  title: `host to published port, ${STREAM_SECONDS} s of iperf3`,
  unit: 'Gbit/s',
  goal: { kind: 'ratioAtLeast', value: 1 },
  engines: DAEMONS,
  samples: 4,
  prepare: async (engine) => {
    const port = `${STREAM_PORT}:${STREAM_PORT}`;
    await cli(engine, ['run', '-d', '--name', 'bench-published', '-p', port, SMALL_IMAGE, 'sleep', '9999']);
  },
  sample: async (engine) => stream(await netnsOf(engine, 'bench-published'), hostNetns(engine), '127.0.0.1'),
  finish: async (engine) => {
    await cli(engine, ['rm', '-f', 'bench-published']);
  },
};

const names: Row = {
  id: 'names',
  title: 'names answered a second inside a container (dnsperf)',
  unit: 'count',
  goal: { kind: 'atLeast', value: 10_000 },
  engines: DAEMONS,
  samples: 3,
  prepare: prepareNames,
  sample: async (engine) => {
    const report = await dnsperf(engine, []);
    return Math.round(Number(/Queries per second:\s+([\d.]+)/.exec(report)?.[1]));
  },
  finish: finishNames,
};

const nameLatency: Row = {
  id: 'names-latency',
  title: 'slowest of 100 names at 1,000 a second (dnsperf, p99)',
  unit: 'ms',
  goal: { kind: 'atMost', value: 5 },
  engines: DAEMONS,
  samples: 3,
  prepare: prepareNames,
  sample: async (engine) => {
    const report = await dnsperf(engine, ['-Q', '1000', '-v']);
    const seconds = [...report.matchAll(/^> NOERROR .* ([\d.]+)$/gm)].map(([, value]) => Number(value));
    if (seconds.length === 0) throw new Error(`no answers:\n${report.slice(0, 2000)}`);
    return (seconds.toSorted((a, b) => a - b)[Math.floor(seconds.length * 0.99)] ?? 0) * 1000;
  },
  finish: finishNames,
};

async function prepareNames(engine: BenchEngine): Promise<void> {
  await api(engine, 'POST', '/networks/create', { Name: 'bench-names' });
  const options = ['--network', 'bench-names', SMALL_IMAGE, 'sleep', '9999'];
  await cli(engine, ['run', '-d', '--name', 'bench-asked', ...options]);
  await cli(engine, ['run', '-d', '--name', 'bench-asker', ...options]);
}

async function finishNames(engine: BenchEngine): Promise<void> {
  await cli(engine, ['rm', '-f', 'bench-asked', 'bench-asker']);
  await cli(engine, ['network', 'rm', 'bench-names']);
}

async function dnsperf(engine: BenchEngine, options: readonly string[]): Promise<string> {
  const queries = join(tmpdir(), 'bench-names.txt');
  writeFileSync(queries, 'bench-asked A\n');
  const enter = ['nsenter', `--net=${await netnsOf(engine, 'bench-asker')}`];
  return await output([...enter, 'dnsperf', '-s', '127.0.0.11', '-d', queries, '-l', String(DNS_SECONDS), ...options]);
}

const manyOnOne: Row = {
  id: 'many-on-one',
  title: `${MANY_ON_ONE_NETWORK} containers on one network: failures`,
  unit: 'count',
  goal: { kind: 'atMost', value: 0 },
  engines: ['gantry'],
  samples: 1,
  sample: async (engine, { isQuick }) => {
    await api(engine, 'POST', '/networks/create', { Name: 'bench-many' });
    const queue = Array.from({ length: isQuick ? 30 : MANY_ON_ONE_NETWORK }, (_, n) => `bench-many-${n}`);
    const names = [...queue];
    let failures = 0;
    const work = async (): Promise<void> => {
      for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
        const id = await create(engine, { HostConfig: { NetworkMode: 'bench-many' } }, name);
        await start(engine, id).catch(() => (failures += 1));
      }
    };
    await Promise.all(Array.from({ length: 10 }, work));
    // The last one finds them all by name.
    const asker = `--net=${await netnsOf(engine, names.at(-1) ?? '')}`;
    for (const name of names) {
      const answer = await output(['nsenter', asker, 'dig', '+short', '+time=2', '@127.0.0.11', name]);
      if (!/^[\d.]+\n$/.test(answer)) failures += 1;
    }
    for (const name of names) await api(engine, 'DELETE', `/containers/${name}?force=1`).catch(() => (failures += 1));
    await api(engine, 'DELETE', '/networks/bench-many');
    return failures;
  },
};

export const NETWORK_ROWS: readonly Row[] = [
  bridgeCost,
  publishCost,
  networkLife,
  disconnect,
  betweenContainers,
  throughPort,
  names,
  nameLatency,
  manyOnOne,
];
