import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { poll } from '#/base/delay.ts';
import type { ContainerId } from '#/base/ids.ts';
import { inThrowawayHost } from '../../tests/support/host.ts';
import type { PortBinding } from './network.ts';
import { run, TestNetworks } from './testing/test-networks.ts';

inThrowawayHost();

let host: TestNetworks;
let servers: ChildProcess[] = [];
beforeEach(async () => {
  host = await TestNetworks.open();
});
afterEach(async () => {
  for (const server of servers) {
    server.kill('SIGKILL');
    await once(server, 'exit');
  }
  servers = [];
  await host.close();
});

const binding = (change: Partial<PortBinding> = {}): PortBinding => ({
  protocol: 'tcp',
  containerPort: 80,
  hostAddress: '',
  hostPort: 8080,
  hostPortEnd: 8080,
  ...change,
});

/** Says `hello` on port 80 of the container, over and over. */
async function serve(id: ContainerId): Promise<void> {
  const path = join(host.dir, 'netns', id);
  const serving = ['busybox', 'nc', '-ll', '-p', '80', '-e', 'echo', 'hello'];
  const server = spawn('nsenter', [`--net=${path}`, 'setsid', '-w', ...serving], { stdio: 'ignore' });
  servers.push(server);
  const isListening = () => (host.inside(id, 'ss', '-Hltn', 'sport', '=', ':80') === '' ? undefined : true);
  await poll(isListening, { intervalMs: 20, timeoutMs: 30_000 });
}
const hostAnswer = (port: number, address = '127.0.0.1'): string =>
  run('sh', '-c', `busybox nc -w2 ${address} ${port} </dev/null || true`).trim();
const lookUp = (id: ContainerId, name: string): string =>
  host.inside(id, 'sh', '-c', `busybox nslookup ${name} 127.0.0.11 2>&1 || true`);

test('published ports lead to the container again after a restart, with the very port that the host chose', async () => {
  const id = await host.launch('bridge');
  await serve(id);
  const published = await host.networks.publish(id, [binding(), binding({ hostPort: 0, hostPortEnd: 0 })]);
  assert.deepEqual(host.networks.portsOf(id), published);
  const chosen = published.at(-1)?.hostPort ?? 0;
  assert.equal(hostAnswer(8080), 'hello');
  await host.reopen();
  assert.deepEqual(host.networks.portsOf(id), published);
  assert.equal(hostAnswer(8080), 'hello');
  assert.equal(hostAnswer(chosen), 'hello');
  await host.networks.closeSandbox(id);
  assert.equal(hostAnswer(8080), '');
  assert.deepEqual(host.networks.portsOf(id), []);
});

test('published ports follow the default gateway to another network, and wait while there is none', async () => {
  await host.create('net', { ipam: [{ subnet: '10.16.0.0/24' }] });
  const id = await host.launch('net');
  await serve(id);
  await host.networks.publish(id, [binding()]);
  assert.equal(hostAnswer(8080), 'hello');
  await host.connect(id, { network: 'bridge', gatewayPriority: 1 });
  await host.networks.disconnect(id, 'net');
  assert.equal(hostAnswer(8080), 'hello');
  await host.networks.disconnect(id, 'bridge');
  assert.deepEqual(host.networks.portsOf(id), []);
  await host.connect(id, 'net');
  assert.equal(hostAnswer(8080), 'hello');
});

test('a port in use is refused and what was open stays open', async () => {
  const [id, other] = [await host.launch('bridge'), await host.launch('bridge')];
  await serve(id);
  const published = await host.networks.publish(id, [binding()]);
  await assert.rejects(host.networks.publish(other, [binding()]), { kind: 'conflict' });
  assert.deepEqual(host.networks.portsOf(other), []);
  assert.deepEqual(await host.networks.publish(id, [binding()]), published);
  assert.equal(hostAnswer(8080), 'hello');
  await host.networks.publish(id, []);
  assert.equal(hostAnswer(8080), '');
  assert.equal((await host.networks.publish(other, [binding()])).length, published.length);
});

test('names are served on networks that users made, after a rename and after a restart', async () => {
  await host.create('net', { ipam: [{ subnet: '10.17.0.0/24' }] });
  const web = await host.launch({ network: 'net', names: { own: ['web', 'www'], links: {} } });
  const client = await host.launch({ network: 'net', names: { own: ['client'], links: { alias: 'web' } } });
  for (const name of ['web', 'www', 'alias']) assert.match(lookUp(client, name), /10\.17\.0\.2/);
  await host.networks.rename(web, { own: ['shop'], links: {} }, 'net');
  assert.match(lookUp(client, 'shop'), /10\.17\.0\.2/);
  assert.doesNotMatch(lookUp(client, 'www'), /10\.17\.0\.2/);
  await host.reopen();
  assert.match(lookUp(client, 'shop'), /10\.17\.0\.2/);
  await host.networks.disconnect(web, 'net');
  assert.doesNotMatch(lookUp(client, 'shop'), /10\.17\.0\.2/);
});

test('settings of the default bridge follow the options of the engine, its subnet stays', async () => {
  await host.reopen({ mtu: 1300, interContainer: false, bindingAddress: '127.0.0.1' });
  const { ipam, options } = host.networks.get('bridge');
  assert.deepEqual(ipam, [{ subnet: '172.17.0.0/16', gateway: '172.17.0.1' }]);
  assert.equal(options['com.docker.network.bridge.host_binding_ipv4'], '127.0.0.1');
  const [first, second] = [await host.launch('bridge'), await host.launch('bridge')];
  assert.equal(host.insideJson(first, 'link', 'show', 'eth0')[0].mtu, 1300);
  assert.ok(!host.isAnswered(first, host.endpoint(second, 'bridge').ipv4Address));
  const [port] = await host.networks.publish(first, [binding()]);
  assert.equal(port?.hostAddress, '127.0.0.1');
});
