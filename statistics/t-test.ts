import tCdf from '@stdlib/stats-base-dists-t-cdf';
import tQuantile from '@stdlib/stats-base-dists-t-quantile';
import { mean, standardDeviation } from './describe.ts';

/** A two-sided interval for a mean. */
export type Interval = { readonly low: number; readonly high: number };

/** Student's t interval for the mean of `values`; NaN ends for fewer than two values. */
export function meanInterval(values: readonly number[], level = 0.95): Interval {
  const centre = mean(values);
  const half =
    tQuantile((1 + level) / 2, values.length - 1) *
    (standardDeviation(values) / Math.sqrt(values.length));
  return { low: centre - half, high: centre + half };
}

/** A paired comparison: differences of pairs that share a seed. */
export type PairedComparison = {
  readonly n: number;
  readonly mean: number;
  readonly standardDeviation: number;
  readonly interval: Interval;
  /** Two-sided p of Student's t on the differences; NaN for fewer than two pairs. */
  readonly p: number;
};

/**
 * Paired t test of differences against zero, two-sided, with the 95 % interval. Differences that
 * are all equal have no error to compare with: p is 1 when they are zero and 0 otherwise.
 */
export function pairedT(differences: readonly number[]): PairedComparison {
  const n = differences.length;
  const centre = mean(differences);
  const spread = standardDeviation(differences);
  const t = (centre / spread) * Math.sqrt(n);
  return {
    n,
    mean: centre,
    standardDeviation: spread,
    interval: meanInterval(differences),
    p: spread === 0 ? Number(centre === 0) : Math.min(1, 2 * tCdf(-Math.abs(t), n - 1)),
  };
}
