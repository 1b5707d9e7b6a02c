import { type ContainerRecord, type Engine, EngineError } from '#/engine/index.ts';
import { sendJson } from '../answer.ts';
import { printSummary } from '../container/print-container.ts';
import { printImageSummary } from '../image-print.ts';
import { printVolume } from '../print-volume.ts';
import type { HttpCall, Route } from '../router.ts';
import type { ApiVersion } from '../version.ts';
import { sizeOf } from './containers.ts';
import { displayedImage } from './images.ts';

export const DISK_USAGE_ROUTES: readonly Route[] = [
  { kind: 'http', method: 'GET', path: '/system/df', handle: diskUsage },
];

const TYPES = ['container', 'image', 'volume', 'build-cache'] as const;
type ObjectType = (typeof TYPES)[number];

/** Up to here the size of the build cache had a field of its own. */
const BUILDER_SIZE_UNTIL_MINOR = 41;

/** What everything takes on disk. Measuring reads whole trees: `type` says which kinds are wanted, none means all. */
async function diskUsage({ engine, query, response, version }: HttpCall): Promise<void> {
  const wanted = typesOf(query);
  const records = engine.containers.list();
  const usage = wanted.has('image') ? engine.images.usage() : undefined;
  sendJson(response, 200, {
    LayersSize: usage?.layersBytes ?? 0,
    Images: usage === undefined ? null : printImages(engine, records, usage),
    Containers: wanted.has('container') ? await printContainers(engine, records, version) : null,
    Volumes: wanted.has('volume') ? await printVolumes(engine) : null,
    BuildCache: wanted.has('build-cache') ? [] : null,
    ...(version.minor <= BUILDER_SIZE_UNTIL_MINOR ? { BuilderSize: 0 } : {}),
  });
}

function typesOf(query: URLSearchParams): ReadonlySet<ObjectType> {
  const asked = query.getAll('type');
  const wanted = TYPES.filter((type) => asked.length === 0 || asked.includes(type));
  const unknown = asked.find((type) => !TYPES.some((known) => known === type));
  if (unknown !== undefined) throw new EngineError('invalid-argument', `unknown object type: ${unknown}`);
  return new Set(wanted);
}

function printImages(
  engine: Engine,
  records: readonly ContainerRecord[],
  usage: ReturnType<Engine['images']['usage']>,
): readonly object[] {
  return engine.images.list().map((image) => {
    const containers = records.filter(({ imageId }) => imageId === image.id).length;
    return printImageSummary(image, containers, usage.images.get(image.id)?.sharedBytes ?? 0);
  });
}

async function printContainers(
  engine: Engine,
  records: readonly ContainerRecord[],
  version: ApiVersion,
): Promise<readonly object[]> {
  const printed: object[] = [];
  for (const record of records) {
    const image = displayedImage(engine.images, record.config.image.reference, record.imageId);
    printed.push(printSummary(engine, record, image, await sizeOf(engine, record), Date.now(), version));
  }
  return printed;
}

async function printVolumes(engine: Engine): Promise<readonly object[]> {
  const references = engine.volumes.references();
  const printed: object[] = [];
  for (const volume of engine.volumes.list()) {
    const UsageData = {
      // One that goes, or cannot be read, while it is measured.
      Size: await engine.volumes.usage(volume.name).catch(() => -1),
      RefCount: references.get(volume.name)?.length ?? 0,
    };
    printed.push({ ...printVolume(volume), UsageData });
  }
  return printed;
}
