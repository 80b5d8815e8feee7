import type { Study } from '../schema.ts';

/** Seeds of one repetition: initial weights, and data order with augmentation. */
export type Seed = { readonly init: number; readonly data: number };

/** Seed pairs: init and data seeds of the same position belong together (the shorter list repeats). */
export function seedPairs(seeds: Study['seeds']): readonly Seed[] {
  const count = Math.max(seeds.init.length, seeds.data.length);
  return Array.from({ length: count }, (_, i) => ({
    init: seeds.init[i % seeds.init.length] ?? 0,
    data: seeds.data[i % seeds.data.length] ?? 0,
  }));
}
