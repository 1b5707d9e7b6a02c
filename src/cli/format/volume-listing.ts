import { printLabels } from './container-listing.ts';
import { printSize } from './human.ts';
import type { Listing } from './rows.ts';

/** What the command line reads of each volume of `GET /volumes` and `GET /system/df`. Source: the Docker Engine API v1.51. */
export interface VolumeRow {
  readonly Name: string;
  readonly Driver: string;
  readonly Mountpoint: string;
  readonly Scope: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  /** -1 where it is not known. */
  readonly UsageData?: { readonly Size: number; readonly RefCount: number } | null;
}

const UNKNOWN = 'N/A';

/** What `volume ls` can show of each volume. What only cluster volumes have is never known. */
export const VOLUME_LISTING: Listing<VolumeRow> = {
  columns: {
    Driver: { header: 'DRIVER', value: ({ Driver }) => Driver },
    Name: { header: 'VOLUME NAME', value: ({ Name }) => Name },
    Scope: { header: 'SCOPE', value: ({ Scope }) => Scope },
    Mountpoint: { header: 'MOUNTPOINT', value: ({ Mountpoint }) => Mountpoint },
    Labels: { header: 'LABELS', value: ({ Labels }) => printLabels(Labels) },
    Links: { header: 'LINKS', value: ({ UsageData }) => (UsageData ? String(UsageData.RefCount) : UNKNOWN) },
    Size: { header: 'SIZE', value: ({ UsageData }) => (UsageData ? printSize(UsageData.Size) : UNKNOWN) },
    Availability: { header: 'AVAILABILITY', value: () => UNKNOWN },
    Group: { header: 'GROUP', value: () => UNKNOWN },
    Status: { header: 'STATUS', value: () => UNKNOWN },
  },
  shown: ['Driver', 'Name'],
  methods: { Label: ({ Labels }, name) => Labels?.[name] ?? '' },
};
