import type { ContainerSummary } from '#/spec/docker-api/container.ts';
import type { ImageSummary } from '#/spec/docker-api/image.ts';
import { printSize } from './human.ts';
import type { Listing } from './rows.ts';
import type { VolumeRow } from './volume-listing.ts';

/** What `GET /system/df` answers. Source: the Docker Engine API v1.51. */
export interface DiskUsage {
  readonly LayersSize?: number;
  readonly Images?: readonly ImageSummary[] | null;
  readonly Containers?: readonly ContainerSummary[] | null;
  readonly Volumes?: readonly VolumeRow[] | null;
  readonly BuildCache?: readonly BuildCacheRecord[] | null;
}

export interface BuildCacheRecord {
  readonly ID: string;
  readonly Type: string;
  readonly InUse: boolean;
  readonly Shared: boolean;
  readonly Size: number;
  readonly CreatedAt: string;
  readonly LastUsedAt?: string | null;
  readonly UsageCount: number;
}

/** One kind of things that take space. */
interface UsageRow {
  readonly type: string;
  readonly total: number;
  readonly active: number;
  readonly sizeBytes: number;
  readonly reclaimableBytes: number;
  /** Whether docker tells what part of the whole can be freed. */
  readonly hasShare: boolean;
}

export const USAGE_LISTING: Listing<UsageRow> = {
  columns: {
    Type: { header: 'TYPE', value: ({ type }) => type },
    TotalCount: { header: 'TOTAL', value: ({ total }) => String(total) },
    Active: { header: 'ACTIVE', value: ({ active }) => String(active) },
    Size: { header: 'SIZE', value: ({ sizeBytes }) => printSize(sizeBytes) },
    Reclaimable: { header: 'RECLAIMABLE', value: printReclaimable },
  },
  shown: ['Type', 'TotalCount', 'Active', 'Size', 'Reclaimable'],
};

function printReclaimable({ sizeBytes, reclaimableBytes, hasShare }: UsageRow): string {
  const size = printSize(reclaimableBytes);
  return hasShare && sizeBytes > 0 ? `${size} (${Math.trunc((reclaimableBytes * 100) / sizeBytes)}%)` : size;
}

const sum = <T>(items: readonly T[], sizeOf: (item: T) => number): number =>
  items.reduce((total, item) => total + sizeOf(item), 0);

/** Images, containers, volumes, build cache. */
export function diskUsageRows(usage: DiskUsage): readonly UsageRow[] {
  return [imagesRow(usage), containersRow(usage.Containers ?? []), volumesRow(usage.Volumes ?? []), cacheRow(usage)];
}

function imagesRow({ Images, LayersSize = 0 }: DiskUsage): UsageRow {
  const images = Images ?? [];
  const used = images.filter((image) => image.Containers > 0);
  // What used images share among each other is counted by the daemon as shared: it is not theirs alone to free.
  const usedBytes = sum(used, ({ Size, SharedSize }) => (Size === -1 || SharedSize === -1 ? 0 : Size - SharedSize));
  const reclaimableBytes = LayersSize - usedBytes;
  return {
    type: 'Images',
    total: images.length,
    active: used.length,
    sizeBytes: LayersSize,
    reclaimableBytes,
    hasShare: true,
  };
}

function containersRow(containers: readonly ContainerSummary[]): UsageRow {
  const isActive = ({ State }: ContainerSummary): boolean => ['running', 'paused', 'restarting'].includes(State);
  const sizeBytes = sum(containers, ({ SizeRw = 0 }) => SizeRw);
  const idle = containers.filter((container) => !isActive(container));
  return {
    type: 'Containers',
    total: containers.length,
    active: containers.length - idle.length,
    sizeBytes,
    reclaimableBytes: sum(idle, ({ SizeRw = 0 }) => SizeRw),
    hasShare: true,
  };
}

function volumesRow(volumes: readonly VolumeRow[]): UsageRow {
  const known = volumes.filter(({ UsageData }) => UsageData && UsageData.Size !== -1);
  const sizeOf = ({ UsageData }: VolumeRow): number => UsageData?.Size ?? 0;
  return {
    type: 'Local Volumes',
    total: volumes.length,
    active: volumes.filter(({ UsageData }) => (UsageData?.RefCount ?? 0) > 0).length,
    sizeBytes: sum(known, sizeOf),
    reclaimableBytes: sum(
      known.filter(({ UsageData }) => UsageData?.RefCount === 0),
      sizeOf,
    ),
    hasShare: true,
  };
}

function cacheRow({ BuildCache }: DiskUsage): UsageRow {
  const records = BuildCache ?? [];
  const own = records.filter(({ Shared }) => !Shared);
  return {
    type: 'Build Cache',
    total: records.length,
    active: records.filter(({ InUse }) => InUse).length,
    sizeBytes: sum(own, ({ Size }) => Size),
    reclaimableBytes: sum(
      own.filter(({ InUse }) => !InUse),
      ({ Size }) => Size,
    ),
    hasShare: false,
  };
}
