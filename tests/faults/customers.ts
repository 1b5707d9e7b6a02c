import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestDaemon } from '../support/daemon.ts';
import type { Random } from '../support/random.ts';
import { createBody, dataArchive, execIn, expectApi, inspectState, unframed } from './api.ts';

/** What was promised of one container: by the answers that arrived, and by those that did not. */
interface Promised {
  readonly kind: 'runs' | 'ends' | 'vanishes';
  /** Of one that ends by itself. */
  readonly code: number;
  readonly network: string;
  life: 'asked' | 'created' | 'starting' | 'started' | 'ended';
  /** A removal was asked for; 'done' when it was answered. */
  removal: 'none' | 'asked' | 'done';
  pid: number;
}

/**
 * Clients that create, start, exec in, wait for, remove and load without pause, and remember what they were promised, so
 * that it can be claimed after the daemon was killed.
 */
export class Customers {
  readonly #random: Random;
  readonly #containers = new Map<string, Promised>();
  readonly #images = new Map<string, 'asked' | 'loaded' | 'removing' | 'removed'>();
  #count = 0;
  answered = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Works until the signal aborts or the daemon goes. Throws for an answer that is wrong while the daemon lives. */
  async work(daemon: TestDaemon, clients: number, isOver: () => boolean): Promise<void> {
    const one = async (): Promise<void> => {
      while (!isOver()) {
        try {
          await this.#step(daemon);
        } catch (error) {
          // A daemon on its way out may answer with its troubles.
          if (isBrokenConnection(error) || isOver()) return;
          throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: clients }, one));
  }

  async #step(daemon: TestDaemon): Promise<void> {
    const dice = this.#random.below(10);
    if (dice === 0) return await this.#load(daemon);
    if (dice === 1) return await this.#removeImage(daemon);
    if (dice <= 5) return await this.#runOne(daemon);
    const names = [...this.#containers].filter(([, { removal, life }]) => removal === 'none' && life === 'started');
    if (names.length === 0) return await this.#runOne(daemon);
    const [name, promised] = this.#random.pick(names);
    if (dice <= 7) await this.#remove(daemon, name, promised);
    else if (promised.kind !== 'runs') await this.#waitFor(daemon, name, promised);
    else await this.#exec(daemon, name, promised);
  }

  async #runOne(daemon: TestDaemon): Promise<void> {
    // No name may be the beginning of an id.
    const name = `box-${this.#count++}`;
    const kind = this.#random.pick(['runs', 'ends', 'vanishes'] as const);
    const code = 1 + this.#random.below(100);
    const network = this.#random.pick(['none', 'bridge']);
    const promised: Promised = { kind, code, network, life: 'asked', removal: 'none', pid: 0 };
    const command =
      kind === 'runs' ? 'echo ready; exec sleep 1000' : `sleep ${this.#random.pick(['0', '0.1', '0.5'])}; exit ${code}`;
    this.#containers.set(name, promised);
    const hostConfig = { AutoRemove: kind === 'vanishes' };
    const more = { Volumes: { '/etc': {} } };
    const body = createBody({ name, network, command: ['sh', '-c', command], hostConfig, more });
    await expectApi(daemon, 201, 'POST', `/containers/create?name=${name}`, body);
    this.#answer(() => (promised.life = 'created'));
    if (this.#random.below(5) === 0) return;
    promised.life = 'starting';
    await expectApi(daemon, 204, 'POST', `/containers/${name}/start`);
    this.#answer(() => (promised.life = 'started'));
    if (kind === 'runs') promised.pid = (await inspectState(daemon, name)).Pid;
  }

  async #remove(daemon: TestDaemon, name: string, promised: Promised): Promise<void> {
    promised.removal = 'asked';
    await expectApi(
      daemon,
      promised.kind === 'vanishes' ? [204, 404] : 204,
      'DELETE',
      `/containers/${name}?force=1&v=1`,
    );
    this.#answer(() => (promised.removal = 'done'));
  }

  async #waitFor(daemon: TestDaemon, name: string, promised: Promised): Promise<void> {
    const answer = await daemon.api('POST', `/containers/${name}/wait`);
    if (answer.text === '' || promised.removal !== 'none') return;
    if (promised.kind === 'vanishes' && answer.status === 404) return;
    assert.equal((answer.body as { StatusCode: number }).StatusCode, promised.code, `wait for ${name}`);
    this.#answer(() => (promised.life = 'ended'));
  }

  async #exec(daemon: TestDaemon, name: string, promised: Promised): Promise<void> {
    try {
      const { code, stdout } = await execIn(daemon, name, ['sh', '-c', 'echo here; exit 3']);
      assert.deepEqual({ code, stdout }, { code: 3, stdout: 'here\n' });
      this.answered++;
    } catch (error) {
      // Another client may be removing it.
      if (promised.removal === 'none' && !(error instanceof assert.AssertionError && isCutShort(error))) throw error;
    }
  }

  async #load(daemon: TestDaemon): Promise<void> {
    const tag = `data:${this.#count++}`;
    this.#images.set(tag, 'asked');
    const answer = await daemon.api('POST', '/images/load?quiet=1', dataArchive(tag, randomBytes(300_000)));
    if (!answer.text.includes('Loaded image')) return;
    this.#answer(() => this.#images.set(tag, 'loaded'));
  }

  async #removeImage(daemon: TestDaemon): Promise<void> {
    const tags = [...this.#images].filter(([, state]) => state === 'loaded').map(([tag]) => tag);
    if (tags.length === 0) return await this.#load(daemon);
    const tag = this.#random.pick(tags);
    this.#images.set(tag, 'removing');
    await expectApi(daemon, 200, 'DELETE', `/images/${tag}`);
    this.#answer(() => this.#images.set(tag, 'removed'));
  }

  #answer(remember: () => void): void {
    remember();
    this.answered++;
  }

  /** Claims from a daemon that was started again everything that earlier ones answered. */
  async claim(daemon: TestDaemon): Promise<void> {
    for (const [tag, state] of this.#images) {
      const { status } = await daemon.api('GET', `/images/${tag}/json`);
      if (state === 'loaded') assert.equal(status, 200, `the loaded image ${tag} is there`);
      if (state === 'removed') assert.equal(status, 404, `the removed image ${tag} is not there`);
    }
    for (const [name, promised] of this.#containers) await this.#claimContainer(daemon, name, promised);
  }

  async #claimContainer(daemon: TestDaemon, name: string, promised: Promised): Promise<void> {
    const { status } = await daemon.api('GET', `/containers/${name}/json`);
    if (promised.kind === 'vanishes' && (promised.life === 'started' || promised.life === 'ended')) {
      return await assertVanishes(daemon, name);
    }
    if (promised.removal === 'done') assert.equal(status, 404, `the removed container ${name} is not there`);
    if (promised.removal !== 'none') return;
    // It may have run and gone.
    if (promised.kind === 'vanishes' && promised.life === 'starting') return;
    if (promised.life !== 'asked') assert.equal(status, 200, `the created container ${name} is there`);
    if (promised.life !== 'started' && promised.life !== 'ended') return;
    if (promised.kind === 'runs') return await claimRunning(daemon, name, promised);
    // Ends by itself, before the daemon was killed, while there was none, or now: always with its own code.
    const { body } = await expectApi(daemon, 200, 'POST', `/containers/${name}/wait`);
    assert.equal((body as { StatusCode: number }).StatusCode, promised.code, `exit code of ${name}`);
    const state = await inspectState(daemon, name);
    assert.deepEqual([state.Status, state.ExitCode], ['exited', promised.code], name);
  }

  forgetAll(): void {
    this.#containers.clear();
    this.#images.clear();
  }
}

/** A container that is removed when it ends, whoever was there to see it. */
async function assertVanishes(daemon: TestDaemon, name: string): Promise<void> {
  const deadline = Date.now() + 5000;
  for (;;) {
    const { status, text } = await daemon.api('GET', `/containers/${name}/json`);
    if (status === 404) return;
    if (Date.now() > deadline) assert.fail(`${name} is still there: ${text.slice(0, 600)}`);
    await sleep(50);
  }
}

async function claimRunning(daemon: TestDaemon, name: string, promised: Promised): Promise<void> {
  const state = await inspectState(daemon, name);
  assert.ok(state.Running, `the started container ${name} runs: ${JSON.stringify(state)}`);
  if (promised.pid !== 0) assert.equal(state.Pid, promised.pid, `${name} still has its process`);
  assert.ok(existsSync(`/proc/${state.Pid}`), `the process of ${name} is there`);
  assert.equal((await execIn(daemon, name, ['sh', '-c', 'echo here; exit 3'])).code, 3, `exec in ${name}`);
  const { text } = await expectApi(daemon, 200, 'GET', `/containers/${name}/logs?stdout=1`);
  assert.equal(unframed(text), 'ready\n', `log of ${name}`);
  if (promised.network !== 'bridge') return;
  const { stdout } = await execIn(daemon, name, ['ip', '-4', 'addr', 'show', 'eth0']);
  assert.match(stdout, /inet 172\.17\./, `the interface of ${name}`);
}

const isCutShort = (error: Error): boolean => /: 0 |"ExitCode":null|ECONN/.test(error.message);

const isBrokenConnection = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ENOENT'].includes(String(error.code));
