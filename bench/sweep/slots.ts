/** What the slots of a sweep did, from the moments at which its legs started and ended. */
export type Span = { readonly start: number; readonly end: number };

/**
 * Share of slot time in which a slot was free although there was something left to start: from the
 * first start to the last one. Behind the last start slots fall free because the sweep is over.
 *
 * @param spans of all legs, in one unit
 */
export function idleShare(spans: readonly Span[], slots: number): number {
  const first = Math.min(...spans.map(({ start }) => start));
  const last = Math.max(...spans.map(({ start }) => start));
  if (!(last > first)) return 0;
  const busy = spans.reduce((sum, { start, end }) => sum + Math.min(end, last) - start, 0);
  return 1 - busy / (slots * (last - first));
}

/**
 * Log-normal durations with this mean, a function of the leg's number alone: some legs take many times
 * as long as others, as students of different depths do.
 *
 * @param sigma standard deviation of the logarithm
 */
export function legSeconds(number: number, meanSeconds: number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(uniform(2 * number))) * cosine(uniform(2 * number + 1));
  return meanSeconds * Math.exp(sigma * normal - sigma ** 2 / 2);
}

function cosine(turns: number): number {
  return Math.cos(2 * Math.PI * turns);
}

/** In (0, 1): the fractional parts of multiples of the golden ratio, by splitmix32. */
function uniform(number: number): number {
  let x = Math.imul(number + 1, 0x9e3779b9);
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32 + 2 ** -33;
}
