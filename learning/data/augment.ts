import { stream, type Seed } from '../engine/random.ts';

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
  const draws = stream(seed, `augment/${epoch}/${image}`);
  const [top = 0, left = 0] = draws.integers(2, 2 * pad + 1);
  const [mirror = 0] = draws.integers(1, 2);
  return { top: top - pad, left: left - pad, flipped: flip && mirror === 1 };
}
