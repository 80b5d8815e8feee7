/** Pairs beyond which the exact test would need more memory than it is worth. */
const MAX_PAIRS = 40;

/** The least p that an exact two-sided sign-flip test of `pairs` pairs can give: 2/2^k. */
export function signFlipFloor(pairs: number): number {
  return Math.min(1, 2 / 2 ** pairs);
}

/**
 * Exact two-sided sign-flip permutation test of paired differences against zero: the share of all
 * 2^k assignments of signs whose sum is at least as far from zero as the one observed. It assumes
 * nothing but that under the null each difference is as likely as its negative.
 * The sums are those of two halves of the pairs, so 2^(k/2) of them are held, not 2^k.
 * Throws `RangeError` for no pairs or more than 40.
 */
export function signFlip(differences: readonly number[]): number {
  const k = differences.length;
  if (k < 1 || k > MAX_PAIRS) {
    throw new RangeError(`sign-flip test: ${k} pairs; allowed: 1 to ${MAX_PAIRS}`);
  }
  const observed = Math.abs(differences.reduce((sum, value) => sum + value, 0));
  const scale = differences.reduce((sum, value) => sum + Math.abs(value), 0);
  // The same sum in another order differs in its last bits.
  const bound = observed - scale * 1e-12;
  if (bound <= 0) return 1;
  const half = Math.floor(k / 2);
  const left = signedSums(differences.slice(0, half));
  const right = signedSums(differences.slice(half));
  // Flipping every sign maps one tail onto the other.
  return (2 * countAtLeast(left, right, bound)) / 2 ** k;
}

/** All sums of ±values, ascending. */
function signedSums(values: readonly number[]): Float64Array {
  const sums = new Float64Array(2 ** values.length);
  values.forEach((value, i) => {
    const filled = 2 ** i;
    for (let j = 0; j < filled; j += 1) {
      const sum = sums[j] ?? 0;
      sums[j] = sum - value;
      sums[filled + j] = sum + value;
    }
  });
  return sums.sort();
}

/** How many pairs of one sum of each side reach `bound`; both sides ascend. */
function countAtLeast(left: Float64Array, right: Float64Array, bound: number): number {
  let count = 0;
  let first = right.length;
  for (const sum of left) {
    while (first > 0 && sum + (right[first - 1] ?? 0) >= bound) first -= 1;
    count += right.length - first;
  }
  return count;
}
