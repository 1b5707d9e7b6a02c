import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCommand } from '../support/command.ts';
import { startDaemon } from '../support/daemon.ts';
import { inThrowawayHost } from '../support/host.ts';
import { writeBusyboxArchive } from '../support/image.ts';
import { eventually, IMAGE } from './story.ts';

inThrowawayHost();

const nft = async (...args: readonly string[]) => (await runCommand(['nft', ...args])).stdout;

test('a daemon told so opens published ports only where the INPUT rules of the host do', async (t) => {
  const daemon = await startDaemon(t, { args: ['--published-ports=host-firewall'] });
  const archive = join(tmpdir(), 'busybox.tar');
  writeBusyboxArchive(archive);
  const docker = daemon.client('docker28');
  t.after(async () => void (await docker(['rm', '-f', 'web'])));
  await docker.ok(['load', '-i', archive]);
  const serve = 'echo hi > /index.html; exec httpd -f -h /';
  await docker.ok(['run', '-d', '--name', 'web', '-p', '8080:80', IMAGE, 'sh', '-c', serve]);
  const get = async () => (await runCommand(['curl', '-s', '-m', '1', 'http://127.0.0.1:8080'])).stdout.trim();
  await eventually(get, 'hi');
  assert.doesNotMatch(await nft('list', 'table', 'inet', 'gantry'), /8080/);
  await nft('add table inet host; add chain inet host input { type filter hook input priority 0; }');
  await nft('add rule inet host input tcp dport 8080 drop');
  assert.equal(await get(), '');
  await nft('flush', 'chain', 'inet', 'host', 'input');
  await eventually(get, 'hi');
  assert.equal(await docker.ok(['port', 'web']), '80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080');
});
