import tCdf from '@stdlib/stats-base-dists-t-cdf';
import { mean, standardDeviation } from './describe.ts';

/** How a few newest measurements compare with those before them. */
export type Slowdown = {
  /** Relative change of the geometric mean: −0.05 is five per cent slower. */
  readonly change: number;
  /** One-sided p of Welch's t on logarithms: by chance alone the newest would be as slow as that. */
  readonly p: number;
};

/**
 * Whether rates (images/s, say) have fallen: Welch's t test of the newest against the earlier ones, on
 * logarithms, since machines vary by factors. Rates that do not vary at all have no error to compare with:
 * p is then 0 where the newest are slower and 1 otherwise.
 *
 * @param earlier at least two positive rates
 * @param newest at least two
 */
export function slowdown(earlier: readonly number[], newest: readonly number[]): Slowdown {
  const [before, now] = [earlier, newest].map((rates) => rates.map((rate) => Math.log(rate))) as [
    number[],
    number[],
  ];
  const difference = mean(now) - mean(before);
  const change = Math.exp(difference) - 1;
  const [a, b] = [before, now].map((logs) => standardDeviation(logs) ** 2 / logs.length) as [
    number,
    number,
  ];
  if (a + b === 0) return { change, p: difference < 0 ? 0 : 1 };
  // Welch and Satterthwaite's degrees of freedom.
  const freedom = (a + b) ** 2 / (a ** 2 / (before.length - 1) + b ** 2 / (now.length - 1));
  return { change, p: tCdf(difference / Math.sqrt(a + b), freedom) };
}
