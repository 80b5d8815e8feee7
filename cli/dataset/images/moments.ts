import { CHANNELS } from '../../../learning/data/records.ts';

/** By channel, of pixels in [0, 1]. */
export type Moments = { readonly mean: readonly number[]; readonly std: readonly number[] };

/** Sums over pixels. They are whole numbers, so that neither order nor number of images rounds them. */
export type MomentSums = {
  /** Adds images of 8-bit red, green and blue. */
  add(pixels: Uint8Array): void;
  /** Mean and standard deviation (of all pixels, divided by their number). */
  moments(): Moments;
};

const HIGHEST = 255;

export function createMomentSums(): MomentSums {
  let count = 0;
  // Exact: below 2^53 for 10^11 pixels.
  const sums = new Float64Array(CHANNELS);
  const squares = new Float64Array(CHANNELS);
  return {
    add: (pixels) => {
      for (let i = 0; i < pixels.length; i += 1) {
        const value = pixels[i] as number;
        const channel = i % CHANNELS;
        sums[channel] = (sums[channel] as number) + value;
        squares[channel] = (squares[channel] as number) + value * value;
      }
      count += pixels.length / CHANNELS;
    },
    moments: () => ({
      mean: Array.from(sums, (sum) => sum / count / HIGHEST),
      std: Array.from(sums, (sum, channel) => {
        const spread = BigInt(count) * BigInt(squares[channel] as number) - BigInt(sum) ** 2n;
        return Math.sqrt(Number(spread)) / count / HIGHEST;
      }),
    }),
  };
}
