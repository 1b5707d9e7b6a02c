import { printLabels } from './container-listing.ts';
import type { Listing } from './rows.ts';

/** What the command line reads of each network of `GET /networks`. Source: the Docker Engine API v1.51. */
export interface NetworkRow {
  readonly Id: string;
  readonly Name: string;
  /** RFC 3339. */
  readonly Created: string;
  readonly Scope: string;
  readonly Driver: string;
  readonly EnableIPv4?: boolean;
  readonly EnableIPv6?: boolean;
  readonly Internal?: boolean;
  readonly Labels: Readonly<Record<string, string>> | null;
}

/** What `network ls` can show of each network. */
export function networkListing(truncates: boolean): Listing<NetworkRow> {
  return {
    columns: {
      ID: { header: 'NETWORK ID', value: ({ Id }) => (truncates ? Id.slice(0, 12) : Id) },
      Name: { header: 'NAME', value: ({ Name }) => Name },
      Driver: { header: 'DRIVER', value: ({ Driver }) => Driver },
      Scope: { header: 'SCOPE', value: ({ Scope }) => Scope },
      IPv4: { header: 'IPV4', value: ({ EnableIPv4 }) => String(EnableIPv4 === true) },
      IPv6: { header: 'IPV6', value: ({ EnableIPv6 }) => String(EnableIPv6 === true) },
      Internal: { header: 'INTERNAL', value: ({ Internal }) => String(Internal === true) },
      Labels: { header: 'LABELS', value: ({ Labels }) => printLabels(Labels) },
      CreatedAt: { header: 'CREATED AT', value: ({ Created }) => printGoTime(Created) },
    },
    shown: ['ID', 'Name', 'Driver', 'Scope'],
    methods: { Label: ({ Labels }, name) => Labels?.[name] ?? '' },
  };
}

/** RFC 3339 as Go prints a time: `2026-11-20 10:11:12.5 +0000 UTC`. */
function printGoTime(text: string): string {
  const [, day = '', time = '', zone = 'Z'] = /^([\d-]+)T([\d:.]+)(Z|[+-]\d{2}:\d{2})$/.exec(text) ?? [];
  if (day === '') return text;
  const offset = zone.replace(':', '');
  const shown = time.replace(/\.?0+$/, (zeros) => (time.includes('.') ? '' : zeros));
  return `${day} ${shown} ${zone === 'Z' ? '+0000 UTC' : `${offset} ${offset}`}`;
}
