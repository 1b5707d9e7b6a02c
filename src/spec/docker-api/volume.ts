import { z } from 'zod';
import { nullable, text, textMap } from './fields.ts';

/** The body of `POST /volumes/create`, checked. Source: docker-engine-api v1.51, definition VolumeCreateOptions. */
export const CreateVolumeBody = z.object({
  Name: text,
  Driver: text,
  DriverOpts: textMap,
  Labels: textMap,
  ClusterVolumeSpec: nullable(z.unknown()),
});
