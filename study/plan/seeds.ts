import type { Study } from '../schema.ts';

/** Seeds of one repetition: initial weights, and data order with augmentation. */
export type Seed = { readonly init: number; readonly data: number };

/** Each initial seed with the data seed of its position, or with the only one. */
export function seedPairs({ init, data }: Study['seeds']): readonly Seed[] {
  return init.flatMap((seed, i) => {
    const paired = data.length === 1 ? data[0] : data[i];
    return paired === undefined ? [] : [{ init: seed, data: paired }];
  });
}
