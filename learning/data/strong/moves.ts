/** Affine moves of a picture, to the nearest pixel; what comes in from outside is black. */
import { CHANNELS, type Change, type Picture } from './picture.ts';

/** Where the point (x, y) of the result comes from: (a·x + b·y + c, d·x + e·y + f), in pixels. */
type Matrix = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

const CENTRE_OF_PIXEL = 0.5;

function moved({ size, bytes }: Picture, [a, b, c, d, e, f]: Matrix): Picture {
  const result = new Uint8Array(bytes.length);
  let to = 0;
  for (let row = 0; row < size; row += 1) {
    const y = row + CENTRE_OF_PIXEL;
    for (let column = 0; column < size; column += 1, to += CHANNELS) {
      const x = column + CENTRE_OF_PIXEL;
      const across = Math.floor(a * x + b * y + c);
      const down = Math.floor(d * x + e * y + f);
      if (across < 0 || across >= size || down < 0 || down >= size) continue;
      const from = (down * size + across) * CHANNELS;
      result[to] = bytes[from] as number;
      result[to + 1] = bytes[from + 1] as number;
      result[to + 2] = bytes[from + 2] as number;
    }
  }
  return { size, bytes: result };
}

/** Turns about the middle, against the clock. */
export const rotate: Change = (picture, degrees) => {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const middle = picture.size / 2;
  return moved(picture, [
    ...([cos, -sin, middle - cos * middle + sin * middle] as const),
    ...([sin, cos, middle - sin * middle - cos * middle] as const),
  ]);
};

/** Shifts each row by its height, and each column by its place, times a slope. */
export const shearX: Change = (picture, slope) => moved(picture, [1, slope, 0, 0, 1, 0]);
export const shearY: Change = (picture, slope) => moved(picture, [1, 0, 0, slope, 1, 0]);

/** Shifts by a share of the size. */
export const translateX: Change = (picture, share) =>
  moved(picture, [1, 0, share * picture.size, 0, 1, 0]);
export const translateY: Change = (picture, share) =>
  moved(picture, [1, 0, 0, 0, 1, share * picture.size]);
