import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { createNetns, removeNetns } from './netns.ts';
import { openPacketSocket } from './packet-socket.ts';

inThrowawayHost();

const dir = mkdtempSync(join(tmpdir(), 'packets-'));
const NETNS = join(dir, 'netns');
const ADDRESS = '10.88.0.2';
const ip = (...args: string[]) => execFileSync('ip', args);
const inside = (...args: string[]) => execFileSync('nsenter', [`--net=${NETNS}`, 'ip', ...args]);

createNetns(NETNS, () => {});
ip('link', 'add', 'out0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', NETNS);
ip('address', 'add', '10.88.0.1/24', 'dev', 'out0');
ip('link', 'set', 'out0', 'up');
inside('address', 'add', `${ADDRESS}/24`, 'dev', 'eth0');
inside('link', 'set', 'eth0', 'up');
after(async () => {
  await removeNetns(NETNS);
  rmSync(dir, { recursive: true });
});

test('of all that comes to an interface, only frames for the one udp port are seen', async (t) => {
  const heard = openPacketSocket(NETNS, 'eth0', 68);
  const sender = createSocket('udp4');
  t.after(() => {
    heard.destroy();
    sender.close();
  });
  const frames: Buffer[] = [];
  heard.on('data', (frame: Buffer) => frames.push(frame));
  for (const port of [67, 69, 68]) sender.send(`to ${port}`, port, ADDRESS);
  await once(heard, 'data');
  sender.send('to 69', 69, ADDRESS);
  await sleep(50);
  assert.deepEqual(
    frames.map((frame) => frame.toString('latin1', 42)),
    ['to 68'],
  );
});
