import type { Route } from './router.ts';
import { ARCHIVE_ROUTES } from './routes/archive.ts';
import { CONTAINER_ROUTES } from './routes/containers.ts';
import { DISK_USAGE_ROUTES } from './routes/disk-usage.ts';
import { EVENT_ROUTES } from './routes/events.ts';
import { IMAGE_ROUTES } from './routes/images.ts';
import { LIST_CONTAINER_ROUTES } from './routes/list-containers.ts';
import { MISSING_ROUTES } from './routes/missing.ts';
import { NETWORK_ROUTES } from './routes/networks.ts';
import { SNAPSHOT_ROUTES } from './routes/snapshots.ts';
import { STATS_ROUTES } from './routes/stats.ts';
import { STREAM_ROUTES } from './routes/streams.ts';
import { SYSTEM_ROUTES } from './routes/system.ts';
import { UPDATE_ROUTES } from './routes/update-container.ts';
import { VOLUME_ROUTES } from './routes/volumes.ts';

/** Every endpoint of the Engine API that Gantry answers. */
export const ROUTES: readonly Route[] = [
  ...SYSTEM_ROUTES,
  ...DISK_USAGE_ROUTES,
  ...CONTAINER_ROUTES,
  ...LIST_CONTAINER_ROUTES,
  ...STREAM_ROUTES,
  ...ARCHIVE_ROUTES,
  ...STATS_ROUTES,
  ...IMAGE_ROUTES,
  ...EVENT_ROUTES,
  ...NETWORK_ROUTES,
  ...UPDATE_ROUTES,
  ...VOLUME_ROUTES,
  ...SNAPSHOT_ROUTES,
  ...MISSING_ROUTES,
];
