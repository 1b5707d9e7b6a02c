import { containerListing } from './container-listing.ts';
import type { BuildCacheRecord, DiskUsage } from './disk-usage.ts';
import { printEscapedJson } from './go-json.ts';
import { printAgo, printSize } from './human.ts';
import { imageListing, imageRows } from './image-listing.ts';
import { type Listing, printRows, templateRow } from './rows.ts';
import { VOLUME_LISTING } from './volume-listing.ts';

/** `system df -v`: everything that takes space, one table for each kind, or all in one template. */
export async function printDetails(usage: DiskUsage, format: string | undefined, nowMs: number): Promise<string> {
  const sections = sectionsOf(usage, nowMs, format === undefined || format === '' || format === 'table');
  if (format === undefined || format === '' || format === 'table') return printTables(sections, usage);
  const data = Object.fromEntries(sections.map(({ name, rows }) => [name, rows()]));
  if (format === 'json') return printEscapedJson(data);
  const { compileTemplate } = await import('../template/template.ts');
  return compileTemplate(format, 'list')(data);
}

interface Section {
  /** In templates. */
  readonly name: string;
  readonly title: string;
  readonly table: () => Promise<string>;
  readonly rows: () => readonly object[];
}

function section<Row>(name: string, title: string, listing: Listing<Row>, rows: readonly Row[]): Section {
  return {
    name,
    title,
    table: () => printRows(listing, rows, undefined),
    rows: () => rows.map((row) => templateRow(listing, row)),
  };
}

function sectionsOf(usage: DiskUsage, nowMs: number, truncates: boolean): readonly Section[] {
  const images = (usage.Images ?? []).flatMap((image) =>
    imageRows(image, false)
      .slice(0, 1)
      .map((row) => ({ ...row, digest: '' })),
  );
  // A container's own size only: what it shares with others is told with the images.
  const containers = (usage.Containers ?? []).map((container) => ({ ...container, SizeRootFs: 0 }));
  const imageColumns = ['Repository', 'Tag', 'ID', 'CreatedSince', 'Size', 'SharedSize', 'UniqueSize', 'Containers'];
  const containerColumns = ['ID', 'Image', 'Command', 'LocalVolumes', 'Size', 'RunningFor', 'Status', 'Names'];
  return [
    section(
      'Images',
      'Images space usage:',
      { ...imageListing({ truncates, showsDigest: false, nowMs }), shown: imageColumns },
      images,
    ),
    section(
      'Containers',
      'Containers space usage:',
      { ...containerListing({ truncates, showsSize: true, nowMs }), shown: containerColumns },
      containers,
    ),
    section(
      'Volumes',
      'Local Volumes space usage:',
      { ...VOLUME_LISTING, shown: ['Name', 'Links', 'Size'] },
      usage.Volumes ?? [],
    ),
    section('BuildCache', '', cacheListing(nowMs), usage.BuildCache ?? []),
  ];
}

async function printTables(sections: readonly Section[], { BuildCache }: DiskUsage): Promise<string> {
  const cacheBytes = (BuildCache ?? []).reduce((total, record) => total + (record.Shared ? 0 : record.Size), 0);
  const parts: string[] = [];
  for (const { title, table } of sections) {
    parts.push(`${title === '' ? `Build cache usage: ${printSize(cacheBytes)}` : title}\n\n${await table()}`);
  }
  return parts.join('\n');
}

const cacheListing = (nowMs: number): Listing<BuildCacheRecord> => ({
  columns: {
    ID: { header: 'CACHE ID', value: ({ ID }) => ID.slice(0, 12) },
    CacheType: { header: 'CACHE TYPE', value: ({ Type }) => Type },
    Size: { header: 'SIZE', value: ({ Size }) => printSize(Size, 3) },
    CreatedSince: { header: 'CREATED', value: ({ CreatedAt }) => printAgo(Date.parse(CreatedAt) / 1000, nowMs) },
    LastUsedSince: {
      header: 'LAST USED',
      value: ({ LastUsedAt }) => (LastUsedAt ? printAgo(Date.parse(LastUsedAt) / 1000, nowMs) : ''),
    },
    UsageCount: { header: 'USAGE', value: ({ UsageCount }) => String(UsageCount) },
    Shared: { header: 'SHARED', value: ({ Shared }) => String(Shared) },
  },
  shown: ['ID', 'CacheType', 'Size', 'CreatedSince', 'LastUsedSince', 'UsageCount', 'Shared'],
});
