import { CHANNELS, type Picture } from './strong/picture.ts';
import { stream, type RandomStream, type Seed } from '../engine/random.ts';

/** Zero padding in pixels before a random crop of the old size, and a flip in half of the cases. */
export type AugmentOptions = { readonly pad: number; readonly flip: boolean };

/** Where the crop starts in the padded image, and whether it is mirrored. */
export type Placement = { readonly top: number; readonly left: number; readonly flipped: boolean };

/** An image as it is. */
export const UNMOVED: Placement = { top: 0, left: 0, flipped: false };

/**
 * How one image is moved in one epoch: a function of the seed, the epoch and the image alone, so
 * that neither the order of images nor a resume changes it. `top` and `left` are shifts within ±pad.
 */
export function placementOf(
  { pad, flip }: AugmentOptions,
  seed: Seed,
  epoch: number,
  image: number,
): Placement {
  if (pad === 0 && !flip) return UNMOVED;
  return drawPlacement({ pad, flip }, stream(seed, `augment/${epoch}/${image}`));
}

/** A placement drawn from a stream. */
export function drawPlacement({ pad, flip }: AugmentOptions, draws: RandomStream): Placement {
  const [top = 0, left = 0] = draws.integers(2, 2 * pad + 1);
  const [mirror = 0] = draws.integers(1, 2);
  return { top: top - pad, left: left - pad, flipped: flip && mirror === 1 };
}

/** A picture moved, black where it comes in from outside. */
export function blackAround({ size, bytes }: Picture, { top, left, flipped }: Placement): Picture {
  const result = new Uint8Array(bytes.length);
  for (let row = 0; row < size; row += 1) {
    const y = row + top;
    if (y < 0 || y >= size) continue;
    for (let column = 0; column < size; column += 1) {
      const x = (flipped ? size - 1 - column : column) + left;
      if (x < 0 || x >= size) continue;
      const from = (y * size + x) * CHANNELS;
      const to = (row * size + column) * CHANNELS;
      result[to] = bytes[from] as number;
      result[to + 1] = bytes[from + 1] as number;
      result[to + 2] = bytes[from + 2] as number;
    }
  }
  return { size, bytes: result };
}
