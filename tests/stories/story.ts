import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before } from 'node:test';
import { startDaemon, type TestDaemon } from '../support/daemon.ts';
import { type Client, hasClient } from '../support/docker.ts';
import { writeBusyboxArchive } from '../support/image.ts';

/** The image that every story has. */
export const IMAGE = 'busybox:test';

/** One daemon for all tests of a file, with the busybox image loaded, and the docker client that people use. */
export interface Story {
  readonly daemon: TestDaemon;
  /** 28.2.2 from PATH; where a machine has none, Debian's 20.10. */
  readonly docker: Client;
  /** kill -9 of the daemon, and another one on the same roots. */
  killDaemon(): Promise<void>;
  /** Runs docker, which must fail so: exit code and a part of what it says. */
  refuses(args: readonly string[], code: number, text: string | RegExp): Promise<void>;
}

/** Starts the daemon before the first test of a file; each test's containers are removed after it, the daemon stops last. */
export function tellStory(): Story {
  let daemon: TestDaemon | undefined;
  const started = (): TestDaemon => {
    if (daemon === undefined) throw new Error('the daemon of this story has not started');
    return daemon;
  };
  const docker = (): Client => started().client(hasClient('docker28') ? 'docker28' : 'docker20');
  before(async () => {
    daemon = await startDaemon(undefined);
    const archive = join(tmpdir(), 'busybox.tar');
    writeBusyboxArchive(archive);
    await docker().ok(['load', '-i', archive]);
  });
  afterEach(async (context) => {
    if (daemon === undefined) return;
    if ('passed' in context && context.passed === false) console.log(daemon.log().slice(-3000));
    const left = (await docker().ok(['ps', '-aq'])).split('\n').filter((id) => id !== '');
    if (left.length > 0) await docker()(['rm', '-f', ...left]);
  });
  after(async () => {
    await daemon?.stop();
  });
  return {
    get daemon() {
      return started();
    },
    get docker() {
      return docker();
    },
    async killDaemon() {
      await started().kill9();
      daemon = await started().again();
    },
    async refuses(args, code, text) {
      const result = await docker()(args);
      const said = `${result.stdout}${result.stderr}`;
      assert.equal(result.code, code, `docker ${args.join(' ')}: ${said}`);
      if (typeof text === 'string') assert.ok(said.includes(text), `${JSON.stringify(text)} expected in: ${said}`);
      else assert.match(said, text);
    },
  };
}

/** Waits until `look` gives what is wanted; fails with what it gave last. */
export async function eventually<T>(look: () => Promise<T>, wanted: T, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const found = await look();
    if (Object.is(found, wanted)) return;
    if (performance.now() > deadline) assert.deepEqual(found, wanted);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}
