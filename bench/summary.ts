/** Numbers of a measurement as one number. */

/** The middle value; of an even count the mean of the middle two. NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** Rounds to so many significant digits; `null`, which JSON has, where there is no number. */
export function rounded(value: number | undefined, digits = 4): number | null {
  if (value === undefined || !Number.isFinite(value)) return null;
  return Number(value.toPrecision(digits));
}
