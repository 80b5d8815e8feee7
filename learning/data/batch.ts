import type { ImageSet } from './records.ts';

/** A batch on the host: normalised pixels [count, size, size, 3] and their classes. */
export type Batch = {
  readonly count: number;
  readonly images: Float32Array;
  /** The same images as their strong views show them, where a training asks for these. */
  readonly strong?: Float32Array;
  readonly labels: Int32Array;
  /** Which image of its set each one is. */
  readonly positions: Uint32Array;
};

/** What every byte becomes in each channel: (v/255 − mean)/std at [channel·256 + v]. */
export type Normalisation = Float32Array;

/** What batches are made of: the images, and how their bytes are normalised. */
export type BatchSource = {
  readonly set: ImageSet;
  readonly normalisation: Normalisation;
};
