/**
 * The strong view of an image: a crop and flip of its own, then RandAugment (Cubuk et al., 2020) and
 * cutout in the form that MLKD took over from FixMatch: two changes out of fourteen, drawn with
 * repetition, each by an amount drawn from its whole range, and a rectangle of one colour. Arithmetic is
 * Pillow's but for ties of its fixed-point moves.
 */
import { stream, type RandomStream, type Seed } from '../../engine/random.ts';
import type { AugmentOptions } from '../augment.ts';
import { blackAround, drawPlacement } from '../augment.ts';
import { brightness, color, contrast, sharpness } from './blends.ts';
import { autoContrast, equalize, posterize, solarize } from './levels.ts';
import { rotate, shearX, shearY, translateX, translateY } from './moves.ts';
import { CHANNELS, type Change, type Picture } from './picture.ts';

const unchanged: Change = (picture) => picture;

/** Every change with the range that its amount is drawn from. */
export const CHANGES: readonly (readonly [change: Change, least: number, most: number])[] = [
  [autoContrast, 0, 1],
  [brightness, 0.05, 0.95],
  [color, 0.05, 0.95],
  [contrast, 0.05, 0.95],
  [equalize, 0, 1],
  [unchanged, 0, 1],
  [posterize, 4, 8],
  [rotate, -30, 30],
  [sharpness, 0.05, 0.95],
  [shearX, -0.3, 0.3],
  [shearY, -0.3, 0.3],
  [solarize, 0, 256],
  [translateX, -0.3, 0.3],
  [translateY, -0.3, 0.3],
];

const CHANGES_A_VIEW = 2;
/** Largest side of the rectangle, as a share of the picture's. */
const MOST_CUT = 0.5;
const CUT_COLOUR = [125, 123, 114] as const;

function uniform(draws: RandomStream): number {
  return draws.uniform(1)[0] ?? 0;
}

/** Two changes and a cut, drawn from a stream. */
export function strengthened(picture: Picture, draws: RandomStream): Picture {
  const chosen = draws.integers(CHANGES_A_VIEW, CHANGES.length);
  let result = picture;
  for (const index of chosen) {
    const [change, least, most] = CHANGES[index] ?? [unchanged, 0, 1];
    result = change(result, least + (most - least) * uniform(draws));
  }
  const side = uniform(draws) * MOST_CUT * picture.size;
  const [x, y] = draws.uniform(2);
  return cut(result, side, [(x ?? 0) * picture.size, (y ?? 0) * picture.size]);
}

/** Fills a square around a point, as far as it lies in the picture; its last pixels belong to it. */
export function cut(
  { size, bytes }: Picture,
  side: number,
  [x, y]: readonly [x: number, y: number],
): Picture {
  if (side <= 0) return { size, bytes };
  const result = Uint8Array.from(bytes);
  const span = (middle: number): readonly [first: number, last: number] => {
    const first = Math.trunc(Math.max(0, middle - side / 2));
    return [first, Math.min(size - 1, Math.trunc(Math.min(size, first + side)))];
  };
  const [[left, right], [top, bottom]] = [span(x), span(y)];
  for (let row = top; row <= bottom; row += 1) {
    for (let column = left; column <= right; column += 1) {
      result.set(CUT_COLOUR, (row * size + column) * CHANNELS);
    }
  }
  return { size, bytes: result };
}

/**
 * The strong view of one image in one epoch: a function of the seed, the epoch and the image alone.
 *
 * @param image which one of the set; its stream has the name of it
 */
export function strongView(
  picture: Picture,
  augment: AugmentOptions,
  seed: Seed,
  epoch: number,
  image: number,
): Picture {
  const draws = stream(seed, `strong/${epoch}/${image}`);
  const placed = blackAround(picture, drawPlacement(augment, draws));
  return strengthened(placed, draws);
}
