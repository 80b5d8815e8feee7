import tQuantile from '@stdlib/stats-base-dists-t-quantile';

/** Two-sided error α, and the chance (power) with which a real effect is to be found. */
export type Design = { readonly alpha: number; readonly power: number };

const USUAL: Design = { alpha: 0.05, power: 0.8 };

/**
 * The smallest mean difference that `pairs` pairs find with the power asked for, given the standard
 * deviation of the differences: (t₁₋α/₂ + t_power)·s/√k. For ten pairs or more the power that this
 * gives is within 4 points of the one asked for, down to α = 0.05/18. NaN for fewer than two pairs.
 */
export function minimumDetectableEffect(
  standardDeviation: number,
  pairs: number,
  { alpha, power }: Design = USUAL,
): number {
  const freedom = pairs - 1;
  if (freedom < 1) return Number.NaN;
  const quantiles = tQuantile(1 - alpha / 2, freedom) + tQuantile(power, freedom);
  return (quantiles * standardDeviation) / Math.sqrt(pairs);
}

/**
 * The same for two unpaired groups of `size` runs each with a common standard deviation; with power
 * 0.5 it is the least difference that reaches p = α.
 */
export function minimumDetectableEffectUnpaired(
  standardDeviation: number,
  size: number,
  { alpha, power }: Design = USUAL,
): number {
  const freedom = 2 * size - 2;
  if (freedom < 1) return Number.NaN;
  const quantiles = tQuantile(1 - alpha / 2, freedom) + tQuantile(power, freedom);
  return quantiles * standardDeviation * Math.sqrt(2 / size);
}
