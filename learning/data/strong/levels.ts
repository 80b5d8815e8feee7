/** Changes of a picture's levels: each channel by a table of its own. */
import { CHANNELS, mapBytes, type Change, type Picture } from './picture.ts';

const LEVELS = 256;
const HIGHEST = 255;

/** How often each level occurs, channel by channel. */
function histograms({ bytes }: Picture): readonly Uint32Array[] {
  const counts = Array.from({ length: CHANNELS }, () => new Uint32Array(LEVELS));
  for (let at = 0; at < bytes.length; at += 1) {
    const channel = counts[at % CHANNELS] as Uint32Array;
    const value = bytes[at] as number;
    channel[value] = (channel[value] as number) + 1;
  }
  return counts;
}

function byTables(picture: Picture, tables: readonly Uint8Array[]): Picture {
  return mapBytes(picture, (value, at) => (tables[at % CHANNELS] as Uint8Array)[value] as number);
}

/** Stretches each channel to all levels. */
export const autoContrast: Change = (picture) =>
  byTables(
    picture,
    histograms(picture).map((counts) => {
      const lowest = counts.findIndex((count) => count > 0);
      const highest = counts.findLastIndex((count) => count > 0);
      const scale = HIGHEST / Math.max(1, highest - lowest);
      return Uint8Array.from({ length: LEVELS }, (_, level) => {
        if (highest <= lowest) return level;
        return Math.min(HIGHEST, Math.max(0, Math.trunc(level * scale - lowest * scale)));
      });
    }),
  );

/** Makes each channel's levels about equally frequent. */
export const equalize: Change = (picture) => byTables(picture, histograms(picture).map(equalizing));

function equalizing(counts: Uint32Array): Uint8Array {
  const last = counts.findLast((count) => count > 0) ?? 0;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const step = Math.floor((total - last) / HIGHEST);
  if (step === 0) return Uint8Array.from({ length: LEVELS }, (_, level) => level);
  let below = Math.floor(step / 2);
  return Uint8Array.from(counts, (count) => {
    const level = Math.floor(below / step);
    below += count;
    return Math.min(HIGHEST, level);
  });
}

/** Keeps the highest bits, as many as the whole part of `bits`. */
export const posterize: Change = (picture, bits) => {
  const mask = HIGHEST & ~(2 ** (8 - Math.trunc(bits)) - 1);
  return mapBytes(picture, (value) => value & mask);
};

/** Inverts what is not below the threshold. */
export const solarize: Change = (picture, threshold) =>
  mapBytes(picture, (value) => (value < threshold ? value : HIGHEST - value));
