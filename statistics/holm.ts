/**
 * Holm's step-down adjustment for a family of tests: adjusted p in the order given. A test without
 * a p (NaN) stays NaN and does not count.
 */
export function holm(pValues: readonly number[]): readonly number[] {
  const order = pValues
    .map((p, index) => ({ p, index }))
    .filter(({ p }) => !Number.isNaN(p))
    .sort((a, b) => a.p - b.p);
  const adjusted = pValues.map(() => Number.NaN);
  let least = 0;
  order.forEach(({ p, index }, rank) => {
    least = Math.max(least, Math.min(1, p * (order.length - rank)));
    adjusted[index] = least;
  });
  return adjusted;
}

/**
 * The level that each test of a family has to reach by itself, the others being what they are: Holm
 * rejects test i exactly when its unadjusted p is at most `alpha / (m − r)`, where m tests have a p
 * and Holm rejects r of the others when i stands last. In the order given; NaN without a p.
 * Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
 */
export function holmLevels(pValues: readonly number[], alpha: number): readonly number[] {
  const order = pValues
    .map((p, index) => ({ p, index }))
    .filter(({ p }) => !Number.isNaN(p))
    .sort((a, b) => a.p - b.p);
  const m = order.length;
  const failed = order.findIndex(({ p }, rank) => p > alpha / (m - rank));
  const rejected = failed < 0 ? m : failed;
  const levels = pValues.map(() => Number.NaN);
  // The first rank behind the test that fails one place earlier, where it is when the test stands last.
  let stop = m;
  for (const [rank, { p, index }] of [...order.entries()].reverse()) {
    levels[index] = alpha / (m - (rank < rejected ? stop - 1 : rejected));
    if (p > alpha / (m - rank + 1)) stop = rank;
  }
  return levels;
}
