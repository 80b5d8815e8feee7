import { z } from 'zod';

import type { Distiller } from '../distillers/contract.ts';
import { DISTILLERS } from '../distillers/registry.ts';
import type { Json } from './canonical.ts';

/** A term of a loss: the method, its weight, and the method's own options, all of them. */
export type DistillerSpec = {
  readonly name: string;
  readonly weight: number;
  readonly [option: string]: Json;
};

/** The same as a user writes it: what has a default may be absent. */
export type DistillerInput = {
  readonly name: string;
  readonly weight?: number;
  readonly [option: string]: Json | undefined;
};

function schemaOf({ name, paper, weight, options }: Distiller) {
  return z
    .strictObject({
      name: z.literal(name),
      weight: z.number().min(0).default(weight),
      ...options.shape,
    })
    .describe(paper);
}

const [first, ...others] = DISTILLERS.map(schemaOf);
if (first === undefined) throw new TypeError('The registry of distillers is empty.');

/** A term of a loss, with the options of its method: strict, and with their published defaults. */
export const distillerSchema = z.discriminatedUnion('name', [first, ...others], {
  error: ({ code }) =>
    code === 'invalid_union'
      ? `one of ${DISTILLERS.map(({ name }) => name).join(', ')}`
      : undefined,
}) as unknown as z.ZodType<DistillerSpec, DistillerInput>;
