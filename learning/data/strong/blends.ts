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

/** A smooth pixel is the mean of its 3 × 3 neighbourhood, in which it counts five times. */
const CENTRE_WEIGHT = 5;
const SMOOTHING_SUM = 8 + CENTRE_WEIGHT;

/** Towards a smooth picture; the border has no neighbours and stays. */
export const sharpness: Change = (picture, share) => {
  const { size, bytes } = picture;
  const stride = size * CHANNELS;
  const smooth = (value: number, at: number): number => {
    const [row, column] = [Math.floor(at / stride), Math.floor((at % stride) / CHANNELS)];
    if (row === 0 || row === size - 1 || column === 0 || column === size - 1) return value;
    let sum = (CENTRE_WEIGHT - 1) * value;
    for (let down = -stride; down <= stride; down += stride) {
      for (let across = -CHANNELS; across <= CHANNELS; across += CHANNELS) {
        sum += bytes[at + down + across] as number;
      }
    }
    return Math.trunc(sum / SMOOTHING_SUM + 0.5);
  };
  return blend(smooth, picture, share);
};
