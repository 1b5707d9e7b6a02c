import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasClient } from '../support/docker.ts';
import { startRecorder, withoutNothings } from './recorder.ts';
import { REPLIES } from './replies.ts';

/** What docker 28.2.2 asks for and prints, Gantry's own client does too; words are separated by `|` where one has blanks. */
const LINES = `
network create foo
network create --attachable --aux-address a=10.0.0.5 --config-from x -d macvlan --gateway 10.0.0.1 --ingress --internal --ip-range 10.0.0.0/25 --ipam-driver dhcp --ipam-opt a=b --ipv4=false --ipv6 --label x=y --label z -o parent=eth0 -o q --scope swarm --subnet 10.0.0.0/24 foo
network create --gateway 10.0.0.1 foo
network create --aux-address a=10.0.0.5 foo
network create --subnet 10.0.0.0/24 --gateway 10.1.0.1 foo
network create --subnet 10.0.0.0/24 --subnet 10.0.0.0/25 foo
network create --subnet 10.0.0.0/24 --ip-range 10.0.0.1 foo
network create --subnet 10.0.0.7/24 --ip-range 10.1.0.0/25 foo
network create --subnet 10.0.0.0/24 --aux-address a=x foo
network create --ipv4=x foo
network create --label =x foo
network create
network ls
network ls --no-trunc
network ls -q -f driver=bridge -f name=foo --filter dangling=true
network ls -f x
network ls --format json
network|ls|--format|{{.ID}} {{.Driver}} {{.IPv4}} {{.IPv6}} {{.Internal}} {{.Labels}} {{.Label "a"}} {{.CreatedAt}}
network|ls|--format|table {{.Name}}\\t{{.IPv6}}\\t{{.CreatedAt}}\\t{{.Label "a"}}
network inspect foo bad
network inspect -v foo
network|inspect|-f|{{.Name}} {{json .IPAM}} {{.Labels.nope}}|foo
network connect --alias a --alias b,c --driver-opt x=y --gw-priority -3 --ip 10.0.0.5 --ip6 fd00::5 --link a:b --link-local-ip 169.254.1.1 foo c
network connect --driver-opt x foo c
network connect --link a:b:c foo c
network connect --gw-priority x foo c
network connect foo
network disconnect -f foo c
network prune -f --filter until=5m --filter label=x
network prune
network bogus
volume create
volume create --name foo
volume create --name foo bar
volume create -d local --label a=b --label c -o type=tmpfs -o device=tmpfs -o o=size=100m foo
volume ls
volume ls -q -f dangling=true --filter name=foo
volume ls --format json
volume|ls|--format|table {{.Name}}\\t{{.Mountpoint}}\\t{{.Links}}\\t{{.Size}}\\t{{.Labels}}\\t{{.Scope}}
volume inspect foo bad
volume rm foo bad busy
volume rm -f busy
volume prune -a -f
volume prune -f --filter label=x
volume prune -f --filter all=1 -a
volume prune
port c
port c 80
port c 53/udp
port c 443
port c x
port c 99999
port bad
system df
system df -v
system df --format json
system df -v --format json
system|df|--format|table {{.Type}}\\t{{.Size}}\\t{{.Reclaimable}}
system|df|-v|--format|{{range .Volumes}}{{.Name}} {{.Size}} {{.Links}};{{end}}
system df x
update --memory 64m --restart always c d
update --cpus 1.5 --pids-limit 5 --memory-swap -1 --kernel-memory 5m c
update --restart foo:bar c
update c
ps
ps --filter network=foo --filter publish=80 --filter expose=80/tcp --filter volume=foo --format {{.Ports}}
events --since 0 --until 1 --filter type=volume --filter network=foo
events|--since|0|--until|1|--format|json
events|--since|0|--until|1|--format|{{.Type}} {{.Action}} {{.Actor.Attributes.name}}
inspect --type network foo
inspect --type volume foo
`;

const renamed = (text: string): string => text.replaceAll('docker', 'gantry').replaceAll('Docker', 'Gantry');

test('networks, volumes and ports are asked for and shown as docker does', async (context) => {
  if (!hasClient('docker28')) return context.skip('no docker client here');
  await using recorder = await startRecorder(REPLIES);
  for (const line of LINES.trim().split('\n')) {
    await context.test(line, async () => {
      const args = line.split(line.includes('|') ? '|' : ' ');
      const [docker, gantry] = [await recorder.docker(args), await recorder.gantry(args)];
      assert.deepEqual(withoutNothings(gantry.requests), withoutNothings(docker.requests));
      assert.deepEqual(
        [gantry.code, gantry.stdout, gantry.stderr],
        [docker.code, renamed(docker.stdout), renamed(docker.stderr)],
      );
    });
  }
});

test('network rm says what docker says, without looking for each network first', async (context) => {
  if (!hasClient('docker28')) return context.skip('no docker client here');
  await using recorder = await startRecorder(REPLIES);
  for (const args of [['foo', 'bad', 'busy'], ['-f', 'bad', 'foo'], []]) {
    const docker = await recorder.docker(['network', 'rm', ...args]);
    const gantry = await recorder.gantry(['network', 'rm', ...args]);
    const stderr = renamed(docker.stderr).replace(/exit status 1\n$/, '');
    assert.deepEqual([gantry.code, gantry.stdout, gantry.stderr], [docker.code, docker.stdout, stderr]);
    assert.deepEqual(
      gantry.requests,
      docker.requests.filter(({ method }) => method === 'DELETE'),
    );
  }
});

test('help of each command lists the options that docker lists', async (context) => {
  if (!hasClient('docker28')) return context.skip('no docker client here');
  await using recorder = await startRecorder({});
  for (const name of ['create', 'ls', 'inspect', 'connect', 'disconnect', 'rm', 'prune']) {
    const docker = await recorder.docker(['network', name, '--help']);
    const gantry = await recorder.gantry(['network', name, '--help']);
    assert.deepEqual(optionsIn(gantry.stdout), optionsIn(docker.stdout), `network ${name}`);
  }
  for (const command of ['volume inspect', 'volume rm', 'volume prune', 'port', 'cp', 'system df', 'events', 'ps']) {
    const args = [...command.split(' '), '--help'];
    assert.deepEqual(optionsIn((await recorder.gantry(args)).stdout), optionsIn((await recorder.docker(args)).stdout));
  }
});

const optionsIn = (help: string): readonly string[] =>
  help.match(/^ {2}(-\w, | {4})--[\w-]+( [a-z]+\d*)?(?= {2})/gm) ?? [];
