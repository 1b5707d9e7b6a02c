import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '#/base/clock.ts';
import { EngineError, errnoOf } from '#/base/errors.ts';
import type { DiffId } from '#/base/ids.ts';
import { KeyedMutex } from '#/base/keyed-mutex.ts';
import { type Logger, silentLogger } from '#/base/log.ts';
import { withUndo } from '#/base/undo.ts';
import type { ContainerConfig } from '#/container/config.ts';
import { LiveContainers } from '#/container/live.ts';
import { rotateLogsForever } from '#/container/log/rotate.ts';
import { recordOfRow } from '#/container/record.ts';
import { recoverContainers } from '#/container/recover.ts';
import type { ContainerRoom } from '#/container/room.ts';
import { SeccompProfiles } from '#/container/task-seccomp.ts';
import { containersUsingVolume } from '#/container/volume-users.ts';
import { EventBus } from '#/events/events.ts';
import { openImages } from '#/image/images.ts';
import { openLayerStore } from '#/layer/open.ts';
import { probeHost } from '#/linux/host.ts';
import { releaseFreeMemory } from '#/linux/memory.ts';
import { hostPrograms } from '#/linux/process.ts';
import { openNetworks } from '#/network/open.ts';
import { openConmonRuntime } from '#/runtime/open.ts';
import { listContainers } from '#/store/containers.ts';
import { openStore } from '#/store/store.ts';
import { openVolumes } from '#/volume/open.ts';
import { bindContainers } from './containers.ts';
import type { Engine, EngineImages, ProvideOptions } from './engine.ts';
import { readEngineInfo } from './info.ts';
import { bindNetworks } from './networks.ts';
import { VERSION } from './version.ts';
import { bindVolumes } from './volumes.ts';

export interface EngineOptions {
  /** Where everything durable is kept. */
  readonly dataRoot: string;
  /** Where what lives as long as the running containers is kept; on a tmpfs (`/run`). Short: it becomes part of socket paths. */
  readonly execRoot: string;
  readonly log?: Logger;
  readonly cgroupDriver?: 'cgroupfs' | 'systemd';
  /** Name or path of the OCI runtime; without it the first that works of crun and runc. */
  readonly runtime?: string;
  /** Of the default network's interface on the host. */
  readonly bridgeName?: string;
  /** Of the default network: its own address with prefix length, MTU, whether containers on it may talk to each other. */
  readonly bridgeAddress?: string;
  readonly mtu?: number;
  readonly interContainer?: boolean;
  /** Of the host: where ports are published that name no address. */
  readonly bindingAddress?: string;
  /** `host-firewall`: published ports are open only where the host's own INPUT rules allow (docs/firewall.md). */
  readonly publishMode?: 'open' | 'host-firewall';
  /** Where networks without a subnet come from. */
  readonly defaultAddressPools?: readonly { readonly base: string; readonly size: number }[];
  /** What containers get that ask for none: resolvers, search domains and options; the host's by default. */
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  /** A loopback address where programs of the host find containers' names; '' for none. */
  readonly nameServerAddress?: string;
  /** `unpacked` extracts layers even where EROFS could be mounted. */
  readonly storageDriver?: 'erofs' | 'unpacked';
}

const SETTLED_MS = 10_000;
const STOP_TIMEOUT_SEC = 10;
const LOG_DEFAULTS = { maxSizeBytes: 10 * 1024 * 1024, maxFiles: 5 };
const INIT_PROGRAMS = ['catatonit', 'tini', 'docker-init'];
const SECCOMP_PROFILES = ['/etc/containers/seccomp.json', '/usr/share/containers/seccomp.json'];

/** Opens an engine over its roots: database, rooms, recovery of what an earlier one left. Throws with everything closed again. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const log = options.log ?? silentLogger;
  return await withUndo(log, async (undo) => {
    mkdirSync(options.dataRoot, { recursive: true, mode: 0o710 });
    mkdirSync(options.execRoot, { recursive: true, mode: 0o711 });
    const rooms = await openRooms(options, log, undo);
    await recoverContainers(rooms.containers);
    await rooms.images.sweep();
    void rotateLogsForever(rooms.containers);
    // Opening needs more than idling does.
    setTimeout(releaseFreeMemory, SETTLED_MS).unref();
    return engineOver(rooms, options);
  });
}

/** The option where it was given: most rooms tell a missing one from an undefined one. */
const given = <K extends keyof EngineOptions>(
  options: EngineOptions,
  key: K,
): { readonly [P in K]?: NonNullable<EngineOptions[P]> } => {
  const value = options[key];
  return value === undefined || value === null ? {} : ({ [key]: value } as { [P in K]: NonNullable<EngineOptions[P]> });
};

type Rooms = Awaited<ReturnType<typeof openRooms>>;

/** The rooms of an engine, wired but with nothing recovered; for tests that stand between them. */
export async function openRooms(
  options: EngineOptions,
  log: Logger,
  undo: Parameters<Parameters<typeof withUndo>[1]>[0],
) {
  const { dataRoot, execRoot } = options;
  const clock = systemClock;
  const closing = new AbortController();
  const host = probeHost({ scratchDirectory: dataRoot });
  const { cgroups } = host;
  const cgroupDriver = options.cgroupDriver ?? (cgroups.systemdOwned && cgroups.mode === 'v2' ? 'systemd' : 'cgroupfs');
  const store = openStore(join(dataRoot, 'gantry.db'));
  undo.add('database', () => store[Symbol.dispose]());
  const events = new EventBus(clock);
  const layers = await openLayerStore({
    dataRoot,
    execRoot,
    store,
    log,
    clock,
    ...(options.storageDriver === undefined ? {} : { kind: options.storageDriver }),
  });
  undo.add('layers', () => layers.close());
  const networks = await openNetworks({
    store,
    execRoot,
    log,
    clock,
    events,
    ...given(options, 'bridgeName'),
    ...given(options, 'bridgeAddress'),
    ...given(options, 'mtu'),
    ...given(options, 'interContainer'),
    ...given(options, 'bindingAddress'),
    ...given(options, 'publishMode'),
    ...given(options, 'defaultAddressPools'),
    ...given(options, 'nameServerAddress'),
  });
  undo.add('networks', () => networks.close());
  const runtime = await openConmonRuntime({
    execRoot,
    log,
    clock,
    programs: hostPrograms,
    cgroups,
    cgroupDriver,
    ...(options.runtime === undefined ? {} : { preferred: options.runtime }),
  });
  undo.add('runtime', () => runtime.close());
  const volumes = await openVolumes({
    dataRoot,
    store,
    events,
    log,
    clock,
    usersOf: (name) => containersUsingVolume(store, name),
  });
  const layersInUse = () => listContainers(store).flatMap((row) => usedLayers(recordOfRow(row).config));
  const images = openImages({ store, layers, events, log, clock, layersInUse });
  const containers: ContainerRoom = {
    store,
    events,
    images,
    layers,
    networks,
    volumes,
    runtime,
    host,
    cgroups,
    log,
    clock,
    locks: new KeyedMutex(),
    live: new LiveContainers(),
    seccomp: new SeccompProfiles({
      profilePath: SECCOMP_PROFILES.find((path) => existsSync(path)),
      architecture: host.architecture,
      kernelVersion: host.kernelVersion,
      available: host.features.seccomp.available,
    }),
    settings: {
      dataRoot,
      execRoot,
      cgroupDriver,
      stopTimeoutSec: STOP_TIMEOUT_SEC,
      initPath: firstFound(INIT_PROGRAMS),
      dns: { servers: options.dns ?? [], search: options.dnsSearch ?? [], options: options.dnsOptions ?? [] },
      logDefaults: LOG_DEFAULTS,
      closing: closing.signal,
    },
  };
  return {
    store,
    events,
    layers,
    networks,
    volumes,
    runtime,
    images,
    containers,
    log,
    host,
    closing,
    cgroupDriver,
    cgroups,
  };
}

/** Of the image, and of images that are mounted. */
const usedLayers = ({ image, mounts }: ContainerConfig): readonly DiffId[] => [
  ...image.layers,
  ...mounts.flatMap((mount) => (mount.kind === 'image' ? mount.layers : [])),
];

const firstFound = (names: readonly string[]): string | undefined =>
  names.map((name) => hostPrograms.find(name)).find((path) => path !== undefined);

function engineOver(rooms: Rooms, options: EngineOptions): Engine {
  const { events, layers, containers } = rooms;
  const facts = { ...rooms, id: engineId(options.dataRoot), dataRoot: options.dataRoot };
  let closed: Promise<void> | undefined;
  return {
    containers: bindContainers(containers),
    images: provideable(rooms, options.dataRoot),
    networks: bindNetworks(rooms.networks, events),
    volumes: bindVolumes(rooms.volumes, rooms.store),
    storageDriver: layers.kind,
    serverHeader: `Gantry/${VERSION} (linux)`,
    events: (filter) => events.subscribe(filter),
    info: () => readEngineInfo(facts),
    [Symbol.asyncDispose]() {
      closed ??= closeRooms(rooms);
      return closed;
    },
  };
}

async function closeRooms({ closing, runtime, networks, layers, store }: Rooms): Promise<void> {
  closing.abort();
  await runtime.close();
  await networks.close();
  await layers.close();
  store[Symbol.dispose]();
}

function provideable({ images, log }: Rooms, dataRoot: string): EngineImages {
  return {
    ...images,
    sizeOf: (id) => images.find(id)?.sizeBytes ?? 0,
    async provide(reference: string, provideOptions: ProvideOptions = {}) {
      // Rarely wanted, so loaded only then.
      const { openBootstrap } = await import('#/bootstrap/bootstrap.ts');
      const bootstrap = openBootstrap({ images, programs: hostPrograms, log, dataRoot });
      if (!bootstrap.canProvide(reference)) {
        throw new EngineError(
          'not-implemented',
          `pulling ${reference} is not implemented in this version of Gantry: load it from an archive, or use gantry.local/busybox, gantry.local/debian:bookworm or gantry.local/debian:trixie`,
        );
      }
      await bootstrap.provide(reference, provideOptions);
    },
  };
}

/** Names this engine for ever: made at its first start. */
function engineId(dataRoot: string): string {
  const path = join(dataRoot, 'engine-id');
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    const id = randomUUID();
    writeFileSync(path, `${id}\n`);
    return id;
  }
}
