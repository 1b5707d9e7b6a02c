import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCommand } from '../support/command.ts';
import { startDaemon } from '../support/daemon.ts';
import { inThrowawayHost } from '../support/host.ts';
import { writeBusyboxArchive } from '../support/image.ts';
import { IMAGE } from './story.ts';

inThrowawayHost();

interface Link {
  readonly mtu: number;
  readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[];
}

test('networks, the default bridge, ports and resolvers are as the daemon was told', async (t) => {
  const daemon = await startDaemon(t, {
    args: [
      '--default-address-pool=base=10.99.0.0/16,size=24',
      '--bip=10.98.0.1/24',
      '--mtu=1400',
      '--icc=false',
      '--ip=127.0.0.1',
      '--dns=9.9.9.9',
      '--dns-search=example.org',
      '--dns-opt=timeout:1',
    ],
  });
  const archive = join(tmpdir(), 'busybox.tar');
  writeBusyboxArchive(archive);
  const docker = daemon.client('docker28');
  const ok = (...args: readonly string[]) => docker.ok(args);
  t.after(async () => void (await docker(['rm', '-f', 'one', 'two'])));
  await ok('load', '-i', archive);

  const { stdout } = await runCommand(['ip', '-j', 'addr', 'show', 'dev', 'gantry0']);
  const [link] = JSON.parse(stdout) as [Link];
  assert.equal(link.mtu, 1400);
  assert.ok(link.addr_info.some(({ local, prefixlen }) => local === '10.98.0.1' && prefixlen === 24));
  await ok('network', 'create', 'mine');
  assert.equal(await ok('network', 'inspect', '-f', '{{(index .IPAM.Config 0).Subnet}}', 'mine'), '10.99.0.0/24');

  await ok('run', '-d', '--name', 'one', '-p', '8080:80', IMAGE, 'sleep', '1000');
  await ok('run', '-d', '--name', 'two', IMAGE, 'sleep', '1000');
  assert.equal(await ok('port', 'one'), '80/tcp -> 127.0.0.1:8080');
  assert.equal(
    await ok('exec', 'one', 'cat', '/etc/resolv.conf'),
    'nameserver 9.9.9.9\nsearch example.org\noptions timeout:1',
  );
  const address = await ok('inspect', '-f', '{{.NetworkSettings.Networks.bridge.IPAddress}}', 'two');
  assert.match(address, /^10\.98\.0\./);
  assert.equal((await docker(['exec', 'one', 'ping', '-c1', '-W1', address])).code, 1);
});
