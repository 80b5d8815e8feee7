/**
 * Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011). A stream is a key and a
 * position, nothing else: any value can be drawn without the ones before it, so that neither the
 * order of work nor a resume changes a draw.
 */
import { hash } from 'node:crypto';

/** Multipliers and Weyl increments of Philox4x32 (Random123). */
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;
/** Words of one counter value. */
const BLOCK = 4;
const TWO_32 = 2 ** 32;

/** High 32 bits of a product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16;
  const aLow = a & 0xffff;
  const bHigh = b >>> 16;
  const bLow = b & 0xffff;
  const low = aLow * bLow;
  const middle = aHigh * bLow + (low >>> 16);
  const crossed = aLow * bHigh + (middle % 0x10000);
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(crossed / 0x10000)) >>> 0;
}

/** One block: four words out of a counter of four and a key of two, written to `out` at `offset`. */
export function philox(
  counter: readonly [number, number, number, number],
  key: readonly [number, number],
  out: Uint32Array,
  offset = 0,
): void {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round += 1) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0) >>> 0;
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + WEYL_0) >>> 0;
    k1 = (k1 + WEYL_1) >>> 0;
  }
  out[offset] = c0;
  out[offset + 1] = c1;
  out[offset + 2] = c2;
  out[offset + 3] = c3;
}

/** Random values that parameters are drawn from. */
export type RandomSource = {
  uniform(count: number): Float32Array;
  normal(count: number): Float32Array;
};

/** A stream of random numbers; every call goes on where the last one ended. */
export type RandomStream = RandomSource & {
  /** The next raw words, uniform in [0, 2³²). */
  words(count: number): Uint32Array;
  /** Integers in [0, bound), without bias. */
  integers(count: number, bound: number): Uint32Array;
  /** 0 … count − 1 in random order (Fisher–Yates). */
  permutation(count: number): Uint32Array;
};

/**
 * What streams start from: a number, or a number and a space of names within it. Two seeds of the same
 * number and different spaces share no draw.
 */
export type Seed = number | `${number}/${string}`;

/** The seed of a space of names; the number itself where there is none. */
export function seedIn(seed: number, space: string | undefined): Seed {
  return space === undefined ? seed : `${seed}/${space}`;
}

/**
 * The stream `name` of a seed. Its key and the upper half of its counter are a digest of both, so
 * that streams of different names share nothing, however many there are.
 */
export function stream(seed: Seed, name: string): RandomStream {
  const digest = hash('sha256', `${seed}/${name}`, 'buffer');
  const key = [digest.readUInt32LE(0), digest.readUInt32LE(4)] as const;
  const upper = [digest.readUInt32LE(8), digest.readUInt32LE(12)] as const;
  const buffer = new Uint32Array(BLOCK);
  let drawn = 0;

  const next = (): number => {
    const word = drawn % BLOCK;
    if (word === 0) {
      const block = drawn / BLOCK;
      philox([block >>> 0, Math.floor(block / TWO_32), ...upper], key, buffer);
    }
    drawn += 1;
    return buffer[word] as number;
  };
  return { ...distributions(next), words: (count) => Uint32Array.from({ length: count }, next) };
}

function distributions(next: () => number): Omit<RandomStream, 'words'> {
  const below = (bound: number): number => {
    const limit = TWO_32 - (TWO_32 % bound);
    let word = next();
    while (word >= limit) word = next();
    return word % bound;
  };
  return {
    uniform: (count) => Float32Array.from({ length: count }, () => (next() >>> 8) / 2 ** 24),
    normal: (count) => normals(next, count),
    integers: (count, bound) => Uint32Array.from({ length: count }, () => below(bound)),
    permutation: (count) => {
      const order = Uint32Array.from({ length: count }, (_, index) => index);
      for (let last = count - 1; last > 0; last -= 1) {
        const other = below(last + 1);
        const moved = order[last] as number;
        order[last] = order[other] as number;
        order[other] = moved;
      }
      return order;
    },
  };
}

/** Standard normal values, two from every two words (Box & Muller, 1958). */
function normals(next: () => number, count: number): Float32Array {
  const values = new Float32Array(count);
  for (let index = 0; index < count; index += 2) {
    const radius = Math.sqrt(-2 * Math.log((next() + 1) / TWO_32));
    const angle = (2 * Math.PI * next()) / TWO_32;
    values[index] = radius * Math.cos(angle);
    if (index + 1 < count) values[index + 1] = radius * Math.sin(angle);
  }
  return values;
}
