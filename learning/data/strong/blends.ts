/** Mixtures of a picture with one that lacks something: `share` of the picture, the rest of the other. */
import { CHANNELS, luma, mapBytes, type Change, type Picture } from './picture.ts';

function blend(other: (value: number, at: number) => number, picture: Picture, share: number) {
  return mapBytes(picture, (value, at) => {
    const from = other(value, at);
    return Math.trunc(from + share * (value - from));
  });
}

/** Towards black. */
export const brightness: Change = (picture, share) => blend(() => 0, picture, share);

/** Towards grey. */
export const color: Change = (picture, share) =>
  blend((_, at) => luma(picture.bytes, Math.floor(at / CHANNELS)), picture, share);

/** Towards the mean brightness. */
export const contrast: Change = (picture, share) => {
  const pixels = picture.size ** 2;
  let sum = 0;
  for (let pixel = 0; pixel < pixels; pixel += 1) sum += luma(picture.bytes, pixel);
  const mean = Math.trunc(sum / pixels + 0.5);
  return blend(() => mean, picture, share);
};

/** Weights of a pixel's neighbourhood, 3 × 3, in thirteenths. */
const SMOOTHING = [1, 1, 1, 1, 5, 1, 1, 1, 1];
const SMOOTHING_SUM = 13;

/** Towards a smooth picture; the border has no neighbours and stays. */
export const sharpness: Change = (picture, share) => {
  const { size, bytes } = picture;
  const stride = size * CHANNELS;
  const smooth = (value: number, at: number): number => {
    const [row, column] = [Math.floor(at / stride), Math.floor((at % stride) / CHANNELS)];
    if (row === 0 || row === size - 1 || column === 0 || column === size - 1) return value;
    const sum = SMOOTHING.reduce((total, weight, tap) => {
      const there = at + (Math.floor(tap / 3) - 1) * stride + ((tap % 3) - 1) * CHANNELS;
      return total + weight * (bytes[there] ?? 0);
    }, 0);
    return Math.trunc(sum / SMOOTHING_SUM + 0.5);
  };
  return blend(smooth, picture, share);
};
