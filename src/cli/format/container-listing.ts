import type { ContainerSummary } from '#/spec/docker-api/container.ts';
import { ellipsis } from './ellipsis.ts';
import { printAgo, printLocalTime, printSize } from './human.ts';
import { printPorts } from './ports.ts';
import type { Listing } from './rows.ts';

const COMMAND_LENGTH = 20;
const MOUNT_LENGTH = 15;

/** What `ps` can show of each container. */
export function containerListing(options: {
  readonly truncates: boolean;
  readonly showsSize: boolean;
  readonly nowMs: number;
}): Listing<ContainerSummary> {
  const { truncates, showsSize, nowMs } = options;
  const cut = (text: string, length: number): string => (truncates ? ellipsis(text, length) : text);
  return {
    columns: {
      ID: { header: 'CONTAINER ID', value: ({ Id }) => (truncates ? Id.slice(0, 12) : Id) },
      Image: { header: 'IMAGE', value: (row) => printImage(row, truncates) },
      Command: { header: 'COMMAND', value: ({ Command }) => quote(cut(Command, COMMAND_LENGTH)) },
      RunningFor: { header: 'CREATED', value: ({ Created }) => printAgo(Created, nowMs) },
      Status: { header: 'STATUS', value: ({ Status }) => Status },
      Ports: { header: 'PORTS', value: ({ Ports }) => printPorts(Ports ?? []) },
      Names: { header: 'NAMES', value: ({ Names }) => printNames(Names, truncates) },
      Size: { header: 'SIZE', value: printContainerSize },
      CreatedAt: { header: 'CREATED AT', value: ({ Created }) => printLocalTime(Created) },
      State: { header: 'STATE', value: ({ State }) => State },
      Labels: { header: 'LABELS', value: ({ Labels }) => printLabels(Labels) },
      LocalVolumes: {
        header: 'LOCAL VOLUMES',
        value: ({ Mounts }) => String((Mounts ?? []).filter((mount) => mount.Driver === 'local').length),
      },
      Mounts: {
        header: 'MOUNTS',
        value: ({ Mounts }) => (Mounts ?? []).map((mount) => cut(mount.Name || mount.Source, MOUNT_LENGTH)).join(','),
      },
      Networks: {
        header: 'NETWORKS',
        value: ({ NetworkSettings }) => Object.keys(NetworkSettings?.Networks ?? {}).join(','),
      },
    },
    shown: ['ID', 'Image', 'Command', 'RunningFor', 'Status', 'Ports', 'Names', ...(showsSize ? ['Size'] : [])],
    extra: { Platform: () => null },
    methods: { Label: ({ Labels }, name) => Labels?.[name] ?? '' },
  };
}

const quote = (text: string): string => JSON.stringify(text).replaceAll('\\u001b', '\\x1b');

function printImage({ Image }: ContainerSummary, truncates: boolean): string {
  if (Image === '') return '<no image>';
  if (!truncates) return Image;
  if (/^(sha256:)?[0-9a-f]{64}$/.test(Image)) return Image.replace('sha256:', '').slice(0, 12);
  // A name with both tag and digest is shown without the digest.
  return /:[^/@]+@/.test(Image) ? Image.slice(0, Image.indexOf('@')) : Image;
}

/** Names through links (`/other/alias`) are shown only in full output. */
function printNames(names: readonly string[], truncates: boolean): string {
  const bare = names.map((name) => name.replace(/^\//, ''));
  const own = bare.filter((name) => !name.includes('/'));
  return (truncates && own.length > 0 ? own : bare).join(',');
}

function printContainerSize({ SizeRw = 0, SizeRootFs = 0 }: ContainerSummary): string {
  const own = printSize(SizeRw, 3);
  return SizeRootFs > 0 ? `${own} (virtual ${printSize(SizeRootFs, 3)})` : own;
}

/** `a=1,b=2`, in the order of their names. */
export function printLabels(labels: Readonly<Record<string, string>> | null): string {
  return Object.entries(labels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}
