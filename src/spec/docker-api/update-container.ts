import { z } from 'zod';
import { int, nullable, text } from './fields.ts';
import { PortMapBody } from './network.ts';

/**
 * The body of `POST /containers/{id}/update`, checked. `PortBindings` is Gantry's extension: all the ports that are to be
 * published from now on. Every other field is a resource.
 */
export const UpdateContainerBody = z.looseObject({
  RestartPolicy: nullable(z.object({ Name: text, MaximumRetryCount: int })),
  PortBindings: PortMapBody,
});

export type UpdateContainerRequest = z.output<typeof UpdateContainerBody>;
