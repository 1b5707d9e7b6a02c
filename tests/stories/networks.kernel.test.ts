import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runCommand } from '../support/command.ts';
import { inThrowawayHost } from '../support/host.ts';
import { eventually, IMAGE, tellStory } from './story.ts';

inThrowawayHost();
const story = tellStory();
const ok = (...args: readonly string[]) => story.docker.ok(args);
const run = (name: string, ...options: readonly string[]) =>
  ok('run', '-d', '--name', name, ...options, IMAGE, 'sleep', '1000');
const inside = (name: string, script: string) => ok('exec', name, 'sh', '-c', script);
const reaches = (name: string, other: string) => inside(name, `ping -c1 -W2 ${other} >/dev/null && echo yes`);
const lookUp = async (name: string, other: string): Promise<string> => {
  const { stdout } = await story.docker(['exec', name, 'nslookup', other, '127.0.0.11']);
  return /Name:.*\nAddress(?: 1)?: (\S+)/.exec(stdout)?.[1] ?? '';
};
const addressOn = (name: string, network: string) =>
  ok('inspect', '-f', `{{with index .NetworkSettings.Networks "${network}"}}{{.IPAddress}}{{end}}`, name);
const interfacesOf = (name: string) => inside(name, 'ls /sys/class/net | tr "\\n" " "');

interface IpAddress {
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[];
}

afterEach(async () => {
  const left = (await ok('ps', '-aq')).split('\n').filter((id) => id !== '');
  if (left.length > 0) await ok('rm', '-f', ...left);
  await ok('network', 'prune', '-f');
});

test('a network is created as asked, listed, inspected, and removed with its bridge', async () => {
  const options = ['--subnet', '10.66.0.0/24', '--gateway', '10.66.0.254', '--ip-range', '10.66.0.128/25'];
  const bridge = 'com.docker.network.bridge.name=gtest0';
  const id = await ok('network', 'create', ...options, '--label', 'a=b', '-o', bridge, '--attachable', 'mine');
  assert.match(id, /^[0-9a-f]{64}$/);
  const [inspected] = JSON.parse(await ok('network', 'inspect', 'mine')) as [Record<string, unknown>];
  assert.deepEqual(inspected.IPAM, {
    Driver: 'default',
    Options: {},
    Config: [{ Subnet: '10.66.0.0/24', IPRange: '10.66.0.128/25', Gateway: '10.66.0.254' }],
  });
  assert.deepEqual([inspected.Driver, inspected.Attachable, inspected.Internal], ['bridge', true, false]);
  assert.deepEqual([inspected.Labels, inspected.Containers], [{ a: 'b' }, {}]);
  for (const [name, driver] of [['host', 'host'] as const, ['none', 'null'] as const]) {
    const [predefined] = JSON.parse(await ok('network', 'inspect', name)) as [Record<string, unknown>];
    assert.deepEqual(predefined.IPAM, { Driver: 'default', Options: null, Config: null });
    assert.deepEqual([predefined.Driver, predefined.EnableIPv4, predefined.Options], [driver, true, {}]);
  }
  const { stdout } = await runCommand(['ip', '-j', 'addr', 'show', 'dev', 'gtest0']);
  const [link] = JSON.parse(stdout) as [IpAddress];
  assert.ok(link.addr_info.some(({ local, prefixlen }) => local === '10.66.0.254' && prefixlen === 24));

  assert.equal(await ok('network', 'ls', '--filter', 'label=a=b', '--format', '{{.Name}}'), 'mine');
  assert.equal(await ok('network', 'ls', '--filter', 'type=custom', '--format', '{{.Name}}'), 'mine');
  assert.equal(await ok('network', 'ls', '--filter', 'driver=null', '--format', '{{.Name}}'), 'none');
  assert.equal(await ok('network', 'ls', '-qf', `id=${id.slice(0, 12)}`), id.slice(0, 12));
  await run('box', '--network', 'mine');
  assert.equal(await addressOn('box', 'mine'), '10.66.0.128');
  assert.equal(
    await ok('network', 'inspect', '-f', '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}', id),
    'box 10.66.0.128/24',
  );

  await story.refuses(
    ['network', 'rm', 'mine'],
    1,
    /network mine has active endpoints \(name:"box" id:"[0-9a-f]{12}"\)/,
  );
  await ok('rm', '-f', 'box');
  assert.equal(await ok('network', 'rm', 'mine'), 'mine');
  assert.notEqual((await runCommand(['ip', 'link', 'show', 'gtest0'])).code, 0);
});

test('what cannot be created or removed is refused with the words of Docker', async () => {
  await ok('network', 'create', '--subnet', '10.67.0.0/24', 'mine');
  await story.refuses(['network', 'create', 'mine'], 1, 'network with name mine already exists');
  await story.refuses(
    ['network', 'create', '--subnet', '10.67.0.128/25', 'other'],
    1,
    'Pool overlaps with other one on this address space',
  );
  await story.refuses(['network', 'rm', 'bridge'], 1, 'bridge is a pre-defined network and cannot be removed');
  await story.refuses(['network', 'rm', 'nosuch'], 1, 'network nosuch not found');
  await story.refuses(['network', 'inspect', 'nosuch'], 1, 'network nosuch not found');
  await story.refuses(['network', 'create', '-d', 'nosuch', 'other'], 1, 'nosuch');
  await story.refuses(['network', 'create', '--ipam-driver', 'nosuch', 'other'], 1, 'plugin "nosuch" not found');
  const binding = 'com.docker.network.bridge.host_binding_ipv4=here';
  await story.refuses(['network', 'create', '-o', binding, 'other'], 1, 'an IP address expected');
  await story.refuses(['network', 'create', '--config-only', 'other'], 1, 'config-only');
});

test('of networks with one name or one subnet that are asked for at once, one is made', async () => {
  const create = (...args: readonly string[]) => story.docker(['network', 'create', ...args]);
  const wishes = [1, 2, 3, 4].flatMap((n) => [create('same'), create('--subnet', '10.69.0.0/24', `sub${n}`)]);
  const made = (await Promise.all(wishes)).filter(({ code }) => code === 0);
  assert.equal(made.length, 2);
  assert.equal((await ok('network', 'ls', '-qf', 'type=custom')).split('\n').length, 2);
});

test('a network is removed before somebody joins it, or not at all', async () => {
  await run('box');
  for (let tries = 0; tries < 5; tries++) {
    await ok('network', 'create', 'mine');
    const connecting = story.docker(['network', 'connect', 'mine', 'box']);
    const [removed, connected] = await Promise.all([story.docker(['network', 'rm', 'mine']), connecting]);
    assert.equal(removed.code + connected.code, 1, `${removed.stderr}${connected.stderr}`);
    assert.equal(await interfacesOf('box'), connected.code === 0 ? 'eth0 eth1 lo ' : 'eth0 lo ');
    if (connected.code !== 0) continue;
    await ok('network', 'disconnect', 'mine', 'box');
    await ok('network', 'rm', 'mine');
  }
});

test('containers of a network find each other by name, alias, short id and host name, also after a rename', async () => {
  await ok('network', 'create', 'mine');
  const id = await run('db', '--network', 'mine', '--network-alias', 'sql', '-h', 'dbhost');
  await run('web', '--network', 'mine');
  const address = await addressOn('db', 'mine');
  for (const name of ['db', 'sql', 'dbhost', id.slice(0, 12)]) assert.equal(await lookUp('web', name), address, name);
  assert.equal(await reaches('web', 'sql'), 'yes');
  assert.match(await inside('web', 'cat /etc/resolv.conf'), /^nameserver 127\.0\.0\.11$/m);
  assert.deepEqual(JSON.parse(await ok('inspect', '-f', '{{json .NetworkSettings.Networks.mine.DNSNames}}', 'db')), [
    'db',
    'sql',
    id.slice(0, 12),
    'dbhost',
  ]);
  await ok('rename', 'db', 'store');
  assert.equal(await lookUp('web', 'store'), address);
  assert.equal(await lookUp('web', 'db'), '');
  await run('stranger');
  assert.equal((await story.docker(['exec', 'stranger', 'ping', '-c1', '-W1', address])).code, 1);
});

test('addresses and hardware addresses are those that were asked for', async () => {
  await ok('network', 'create', '--ipv6', '--subnet', '10.68.0.0/24', '--subnet', 'fd00:68::/64', 'mine');
  const mac = '02:42:0a:44:00:09';
  await run('box', '--network', 'mine', '--ip', '10.68.0.9', '--ip6', 'fd00:68::9', '--mac-address', mac);
  const shown = await inside('box', 'ip addr show eth0');
  for (const text of ['10.68.0.9/24', 'fd00:68::9/64', mac]) assert.ok(shown.includes(text), shown);
  assert.match(await inside('box', 'cat /etc/hosts'), /^fd00:68::9\t/m);
  const settings = JSON.parse(await ok('inspect', '-f', '{{json .NetworkSettings.Networks.mine}}', 'box'));
  assert.deepEqual(settings.IPAMConfig, { IPv4Address: '10.68.0.9', IPv6Address: 'fd00:68::9' });
  assert.deepEqual(
    [settings.MacAddress, settings.GlobalIPv6Address, settings.GlobalIPv6PrefixLen],
    [mac, 'fd00:68::9', 64],
  );
  await story.refuses(
    ['run', '--network', 'mine', '--ip', '10.69.0.9', IMAGE],
    125,
    'no configured subnet or ip-range contain the IP address 10.69.0.9',
  );
  await story.refuses(
    ['run', '--ip', '172.17.0.9', IMAGE],
    125,
    'user specified IP address is supported on user defined networks only',
  );
  await story.refuses(['run', '--network', 'mine', '--ip', '10.68.0.9', IMAGE, 'true'], 125, 'Address already in use');
});

test('a container can be on several networks from its start, and the priority says which is its way out', async () => {
  await ok('network', 'create', '--subnet', '10.70.0.0/24', 'one');
  await ok('network', 'create', '--subnet', '10.71.0.0/24', 'two');
  await run('box', '--network', 'name=one,alias=first', '--network', 'name=two,ip=10.71.0.7,gw-priority=10');
  assert.equal(await interfacesOf('box'), 'eth0 eth1 lo ');
  assert.match(await inside('box', 'ip route'), /^default via 10\.71\.0\.1 /m);
  await run('near', '--network', 'one');
  assert.equal(await lookUp('near', 'first'), await addressOn('box', 'one'));
  await run('far', '--network', 'two');
  assert.equal(await lookUp('far', 'first'), '');
  assert.equal(await lookUp('far', 'box'), '10.71.0.7');
});

test('a running container joins and leaves networks, and is where it was after it starts again', async () => {
  await ok('network', 'create', 'one');
  await ok('network', 'create', '--subnet', '10.72.0.0/24', 'two');
  await run('box', '--network', 'one');
  await run('other', '--network', 'two');
  await ok('network', 'connect', '--alias', 'boxy', '--ip', '10.72.0.50', 'two', 'box');
  assert.equal(await interfacesOf('box'), 'eth0 eth1 lo ');
  assert.equal(await lookUp('other', 'boxy'), '10.72.0.50');
  assert.equal(await reaches('box', 'other'), 'yes');
  assert.match(await inside('box', 'cat /etc/hosts'), /^10\.72\.0\.50\t/m);
  await story.refuses(['network', 'connect', 'two', 'box'], 1, 'endpoint with name box already exists in network two');

  await ok('restart', '-t', '0', 'box');
  assert.equal(await lookUp('other', 'boxy'), '10.72.0.50');

  await ok('network', 'disconnect', 'two', 'box');
  assert.equal(await interfacesOf('box'), 'eth0 lo ');
  assert.equal(await lookUp('other', 'boxy'), '');
  assert.doesNotMatch(await inside('box', 'cat /etc/hosts'), /10\.72\.0\.50/);
  await story.refuses(['network', 'disconnect', 'two', 'box'], 1, /container \w+ is not connected to network two/);
  await ok('restart', '-t', '0', 'box');
  assert.equal(await interfacesOf('box'), 'eth0 lo ');
});

test('one that does not run joins and leaves in its settings', async () => {
  await ok('network', 'create', 'one');
  await ok('create', '--name', 'box', IMAGE, 'sleep', '1000');
  await ok('network', 'connect', 'one', 'box');
  await ok('network', 'disconnect', 'bridge', 'box');
  await ok('start', 'box');
  assert.equal(
    await ok('inspect', '-f', '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}', 'box'),
    'one',
  );
  assert.equal(await interfacesOf('box'), 'eth0 lo ');
});

test('a container leaves a network that was removed meanwhile, and can start again', async () => {
  await ok('network', 'create', 'gone');
  await ok('create', '--name', 'box', IMAGE, 'sleep', '1000');
  await ok('network', 'connect', 'gone', 'box');
  await ok('network', 'rm', 'gone');
  await story.refuses(['start', 'box'], 1, 'network gone not found');
  await ok('network', 'disconnect', 'gone', 'box');
  await ok('start', 'box');
  await story.refuses(['network', 'disconnect', 'gone', 'box'], 1, 'network gone not found');
});

test("who uses the host's network, another's or none joins no other", async () => {
  await ok('network', 'create', 'one');
  await run('host', '--network', 'host');
  await run('sharer', '--network', 'container:host');
  await run('alone', '--network', 'none');
  const shared =
    'container sharing network namespace with another container or host cannot be connected to any other network';
  await story.refuses(['network', 'connect', 'one', 'host'], 1, shared);
  await story.refuses(['network', 'connect', 'one', 'sharer'], 1, shared);
  await story.refuses(['network', 'connect', 'one', 'alone'], 1, 'in private (none) mode');
  await run('box');
  await story.refuses(
    ['network', 'connect', 'host', 'box'],
    1,
    'disconnected from host network or connected to host network',
  );
  // As with Docker, leaving `none` first lets it join others.
  await ok('network', 'disconnect', 'none', 'alone');
  await ok('network', 'connect', 'one', 'alone');
  assert.equal(await interfacesOf('alone'), 'eth0 lo ');
});

test('a network that is not there is missed at the start, and the container can start once it is', async () => {
  await ok('create', '--name', 'box', '--network', 'later', IMAGE, 'sleep', '1000');
  await story.refuses(['start', 'box'], 1, 'network later not found');
  assert.equal(await ok('inspect', '-f', '{{.State.Status}}', 'box'), 'created');
  await ok('network', 'create', 'later');
  await ok('start', 'box');
});

test('links give names and variables on the default bridge, and names elsewhere', async () => {
  await run('db', '--expose', '5432', '-e', 'SECRET=x');
  await run('web', '--link', 'db:sql');
  const address = await addressOn('db', 'bridge');
  assert.match(await inside('web', 'cat /etc/hosts'), new RegExp(`^${address}\tsql \\w+ db$`, 'm'));
  const env = await inside('web', 'tr "\\0" "\\n" </proc/1/environ');
  const expected = [
    `SQL_PORT=tcp://${address}:5432`,
    'SQL_PORT_5432_TCP_PROTO=tcp',
    'SQL_NAME=/web/sql',
    'SQL_ENV_SECRET=x',
  ];
  for (const line of expected) assert.ok(env.split('\n').includes(line), `${line} in ${env}`);
  assert.equal(await inside('web', 'echo $SQL_PORT'), `tcp://${address}:5432`);
  assert.equal(await ok('inspect', '-f', '{{.HostConfig.Links}}', 'web'), '[/db:/web/sql]');
  await ok('stop', '-t', '0', 'db');
  assert.equal(await inside('web', 'echo $SQL_PORT.'), '.');
  await story.refuses(['run', '--link', 'db', IMAGE, 'true'], 125, 'Cannot link to a non running container: /db AS');

  // Its address is kept for it for two seconds; then it is somebody else's.
  await sleep(2100);
  // Others may be lower and free: earlier tests have given them back.
  for (let n = 0; n === 0 || (n < 10 && (await addressOn(`settler${n - 1}`, 'bridge')) !== address); n++) {
    await run(`settler${n}`);
  }
  await ok('start', 'db');
  const elsewhere = await addressOn('db', 'bridge');
  assert.notEqual(elsewhere, address);
  const hosts = await inside('web', 'cat /etc/hosts');
  assert.match(hosts, new RegExp(`^${elsewhere}\tsql \\w+ db$`, 'm'));
  assert.doesNotMatch(hosts, new RegExp(`^${address}\t`, 'm'));
  assert.equal(await inside('web', 'echo $SQL_PORT'), `tcp://${elsewhere}:5432`);

  await ok('network', 'create', 'mine');
  await run('store', '--network', 'mine');
  await run('shop', '--network', 'mine', '--link', 'store:shelf');
  await run('thief', '--network', 'mine');
  assert.equal(await lookUp('shop', 'shelf'), await addressOn('store', 'mine'));
  assert.equal(await lookUp('thief', 'shelf'), '');
  const strange = ['run', '--link', 'store', IMAGE, 'true'];
  await story.refuses(strange, 125, 'Cannot link to /store, as it does not belong to the default network');
});

test('prune removes what nobody runs on, as filtered', async () => {
  await ok('network', 'create', '--label', 'keep=1', 'kept');
  await ok('network', 'create', 'used');
  await ok('network', 'create', 'unused');
  await run('box', '--network', 'used');
  assert.match(await ok('network', 'prune', '-f', '--filter', 'label!=keep'), /Deleted Networks:\nunused/);
  assert.equal(await ok('network', 'ls', '-f', 'dangling=true', '--format', '{{.Name}}'), 'kept');
  assert.equal(await ok('network', 'prune', '-f', '--filter', 'until=1h'), '');
  assert.match(await ok('network', 'prune', '-f'), /kept/);
});

test('events tell of networks and who comes and goes', async () => {
  const since = String(Math.floor(Date.now() / 1000) - 1);
  await ok('network', 'create', 'told');
  await run('box', '--network', 'told');
  await ok('network', 'disconnect', 'told', 'box');
  await ok('network', 'rm', 'told');
  const until = String(Math.ceil(Date.now() / 1000) + 1);
  const seen = await ok(
    'events',
    '--since',
    since,
    '--until',
    until,
    '--filter',
    'type=network',
    '--filter',
    'network=told',
    '--format',
    '{{.Action}}',
  );
  assert.equal(seen, 'create\nconnect\ndisconnect\ndestroy');
});

test('the network is there again after the daemon was killed', async () => {
  await ok('network', 'create', 'mine');
  await run('db', '--network', 'mine', '--network-alias', 'sql');
  await run('web', '--network', 'mine');
  const address = await addressOn('db', 'mine');
  await story.killDaemon();
  assert.equal(await addressOn('db', 'mine'), address);
  await eventually(() => lookUp('web', 'sql'), address);
  assert.equal(await reaches('web', 'db'), 'yes');
  await ok('network', 'connect', 'bridge', 'web');
  await ok('restart', '-t', '0', 'db');
  assert.equal(await reaches('web', 'db'), 'yes');
});
