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
