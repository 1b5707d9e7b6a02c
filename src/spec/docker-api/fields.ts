import { z } from 'zod';

/** Fields of request bodies. What clients send as null means absent. */
export const nullable = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined);
export const text = nullable(z.string());
export const flag = nullable(z.boolean());
export const int = nullable(z.int());
export const texts = nullable(z.array(z.string()));
export const textMap = nullable(z.record(z.string(), z.string()));
