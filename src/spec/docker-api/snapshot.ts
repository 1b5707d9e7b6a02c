import { z } from 'zod';
import { text, textMap } from './fields.ts';

// Gantry's own endpoints, in the spelling of Docker's.

/** The body of `POST /volumes/{name}/snapshots`, checked. */
export const CreateSnapshotBody = z.object({ Name: text });

/** The body of `POST /volumes/{name}/restore`, checked. */
export const RestoreVolumeBody = z.object({ Snapshot: z.string().min(1) });

/** The body of `POST /volumes/{name}/clone`, checked. */
export const CloneVolumeBody = z.object({ Name: z.string().min(1), Labels: textMap });
