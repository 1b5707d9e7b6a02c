import { z } from 'zod';
import { EngineError } from '#/base/errors.ts';
import { type DiffId, isDigest } from '#/base/ids.ts';
import type { OciImageConfig } from '#/spec/oci/image.ts';
import { parseJson, withoutNulls } from './json.ts';

/** Overlay mounts and Docker alike take no more. */
export const LAYERS_MAX = 127;

const strings = z.array(z.string());
const emptyObjects = z.record(z.string(), z.looseObject({}));

const healthcheck = z.looseObject({
  Test: strings.optional(),
  Interval: z.number().int().optional(),
  Timeout: z.number().int().optional(),
  StartPeriod: z.number().int().optional(),
  StartInterval: z.number().int().optional(),
  Retries: z.number().int().optional(),
});

const defaults = z.looseObject({
  User: z.string().optional(),
  ExposedPorts: emptyObjects.optional(),
  Env: strings.optional(),
  Entrypoint: strings.optional(),
  Cmd: strings.optional(),
  Volumes: emptyObjects.optional(),
  WorkingDir: z.string().optional(),
  Labels: z.record(z.string(), z.string()).optional(),
  StopSignal: z.string().optional(),
  StopTimeout: z.number().int().optional(),
  Shell: strings.optional(),
  OnBuild: strings.optional(),
  Healthcheck: z.preprocess(withoutNulls, healthcheck).optional(),
  ArgsEscaped: z.boolean().optional(),
});

const history = z.looseObject({
  created: z.string().optional(),
  created_by: z.string().optional(),
  author: z.string().optional(),
  comment: z.string().optional(),
  empty_layer: z.boolean().optional(),
});

const diffId = z.string().refine(isDigest, 'sha256:<64 hex digits> expected');

const imageConfig = z.looseObject({
  created: z.string().optional(),
  author: z.string().optional(),
  architecture: z.string().min(1),
  os: z.string().min(1),
  variant: z.string().optional(),
  'os.version': z.string().optional(),
  config: z.preprocess(withoutNulls, defaults).optional(),
  rootfs: z.looseObject({
    type: z.literal('layers'),
    diff_ids: z.preprocess((value) => value ?? [], z.array(diffId).max(LAYERS_MAX)),
  }),
  history: z.array(z.preprocess(withoutNulls, history)).optional(),
  docker_version: z.string().optional(),
});

const withoutNullFields = z.preprocess(withoutNulls, imageConfig) as unknown as z.ZodType<OciImageConfig>;

/** Fields that are null are left out. Throws invalid-argument unless the text is the config of an image for Linux. */
export function parseImageConfig(text: string): OciImageConfig {
  const config = parseJson(withoutNullFields, text, 'image config');
  if (config.os !== 'linux') throw new EngineError('invalid-argument', `cannot load ${config.os} image on linux`);
  return config;
}

/** As parseImageConfig, quickly, of a text that has been through it before. */
export function readStoredConfig(text: string): OciImageConfig {
  const config: OciImageConfig = JSON.parse(text, (_key, value) => (value === null ? undefined : value));
  const { type, diff_ids } = config.rootfs;
  return diff_ids === undefined ? { ...config, rootfs: { type, diff_ids: [] } } : config;
}

/** Milliseconds since the epoch; 0 where the config says nothing usable. */
export function createdAtMs(config: OciImageConfig): number {
  const parsed = Date.parse(config.created ?? '');
  return Number.isFinite(parsed) ? Math.max(parsed, 0) : 0;
}

/** Throws unless there are as many layers as the config says, and each is the one it says. */
export function checkDiffIds(config: OciImageConfig, found: readonly DiffId[]): void {
  const expected = config.rootfs.diff_ids;
  if (expected.length !== found.length) {
    throw new EngineError(
      'invalid-argument',
      `invalid manifest, layers length mismatch: expected ${expected.length}, got ${found.length}`,
    );
  }
  for (const [index, diffIdOfLayer] of found.entries()) {
    if (diffIdOfLayer === expected[index]) continue;
    throw new EngineError(
      'data-loss',
      `invalid diffID for layer ${index}: expected "${expected[index]}", got "${diffIdOfLayer}"`,
    );
  }
}
