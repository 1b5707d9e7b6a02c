import { rfc3339Nano } from '#/base/clock.ts';
import type { Engine, ImageRecord } from '#/engine/index.ts';
import type { ImageInspectResponse, ImageSummary } from '#/spec/docker-api/image.ts';

const epochSeconds = (epochMs: number): number => Math.floor(epochMs / 1000);

/** One element of `GET /images/json`. */
export function printImageSummary(image: ImageRecord, containers: number, sharedBytes: number): ImageSummary {
  return {
    Id: image.id,
    ParentId: '',
    RepoTags: image.tags,
    RepoDigests: image.digests,
    Created: epochSeconds(image.createdAtMs),
    Size: image.sizeBytes,
    SharedSize: sharedBytes,
    Labels: image.config.config?.Labels ?? null,
    Containers: containers,
  };
}

/** `GET /images/{name}/json`. */
export function printImageInspect(engine: Engine, image: ImageRecord): ImageInspectResponse {
  const { config } = image;
  const newest = config.history?.at(-1);
  return {
    Id: image.id,
    RepoTags: image.tags,
    RepoDigests: image.digests,
    Parent: '',
    Comment: newest?.comment ?? '',
    ...(image.createdAtMs === 0 ? {} : { Created: config.created ?? rfc3339Nano(image.createdAtMs) }),
    DockerVersion: config.docker_version ?? '',
    Author: config.author ?? '',
    Config: printImageConfig(config.config ?? {}),
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    ...(config['os.version'] === undefined ? {} : { OsVersion: config['os.version'] }),
    Size: image.sizeBytes,
    GraphDriver: { Name: engine.storageDriver, Data: null },
    RootFS: { Type: 'layers', ...(image.layers.length === 0 ? {} : { Layers: image.layers }) },
    Metadata: {
      LastTagTime: image.lastTaggedAtMs === undefined ? '0001-01-01T00:00:00Z' : rfc3339Nano(image.lastTaggedAtMs),
    },
  };
}

/** Docker's clients read these keys as always there. */
function printImageConfig(
  config: NonNullable<ImageRecord['config']['config']>,
): NonNullable<ImageInspectResponse['Config']> {
  return {
    ...config,
    Cmd: config.Cmd ?? null,
    Entrypoint: config.Entrypoint ?? null,
    Env: config.Env ?? [],
    Labels: config.Labels ?? null,
    OnBuild: config.OnBuild ?? null,
    User: config.User ?? '',
    Volumes: config.Volumes ?? null,
    WorkingDir: config.WorkingDir ?? '',
  } as unknown as NonNullable<ImageInspectResponse['Config']>;
}
