/** Affine moves of a picture, to the nearest pixel; what comes in from outside is black. */
import { CHANNELS, type Change, type Picture } from './picture.ts';

/** Where a point of the result, in pixels from the corner, comes from. */
type Origin = (x: number, y: number) => readonly [x: number, y: number];

const CENTRE_OF_PIXEL = 0.5;

function moved({ size, bytes }: Picture, origin: Origin): Picture {
  const result = new Uint8Array(bytes.length);
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const [x, y] = origin(column + CENTRE_OF_PIXEL, row + CENTRE_OF_PIXEL).map(Math.floor) as [
        number,
        number,
      ];
      if (x < 0 || x >= size || y < 0 || y >= size) continue;
      const from = (y * size + x) * CHANNELS;
      result.set(bytes.subarray(from, from + CHANNELS), (row * size + column) * CHANNELS);
    }
  }
  return { size, bytes: result };
}

/** Turns about the middle, against the clock. */
export const rotate: Change = (picture, degrees) => {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const middle = picture.size / 2;
  return moved(picture, (x, y) => {
    const [across, down] = [x - middle, y - middle];
    return [middle + cos * across - sin * down, middle + sin * across + cos * down];
  });
};

/** Shifts each row by its height, and each column by its place, times a slope. */
export const shearX: Change = (picture, slope) => moved(picture, (x, y) => [x + slope * y, y]);
export const shearY: Change = (picture, slope) => moved(picture, (x, y) => [x, y + slope * x]);

/** Shifts by a share of the size. */
export const translateX: Change = (picture, share) =>
  moved(picture, (x, y) => [x + share * picture.size, y]);
export const translateY: Change = (picture, share) =>
  moved(picture, (x, y) => [x, y + share * picture.size]);
