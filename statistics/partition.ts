/**
 * How alike two partitions of the same things are. A partition is a label for each thing; which labels
 * is no matter, only who shares one.
 */
type Partition = readonly (string | number)[];

/**
 * Adjusted Rand index (Hubert and Arabie, Journal of Classification 2, 1985): pairs that both
 * partitions treat alike, corrected for chance. 1 for the same partition, 0 as expected of chance,
 * negative below it; 1 where both are trivial in the same way.
 */
export function adjustedRandIndex(a: Partition, b: Partition): number {
  const cells = contingency(a, b);
  const together = sumOf(cells.joint, pairs);
  const [inA, inB] = [sumOf(cells.a, pairs), sumOf(cells.b, pairs)];
  const expected = (inA * inB) / pairs(a.length);
  const most = (inA + inB) / 2;
  return most === expected ? 1 : (together - expected) / (most - expected);
}

/**
 * Normalised mutual information, by the arithmetic mean of both entropies (Vinh, Epps and Bailey, JMLR
 * 11, 2010): in [0, 1]; 1 where both partitions have a single part.
 */
export function normalisedMutualInformation(a: Partition, b: Partition): number {
  const { joint, a: ofA, b: ofB } = contingency(a, b);
  const entropy = (counts: readonly number[]): number =>
    -sumOf(counts, (count) => (count / a.length) * Math.log(count / a.length));
  const [entropyA, entropyB] = [entropy(ofA), entropy(ofB)];
  if (entropyA + entropyB === 0) return 1;
  const mutual = entropyA + entropyB - entropy(joint);
  return Math.max(0, (2 * mutual) / (entropyA + entropyB));
}

/** Mean of a likeness over all pairs of different partitions; undefined for fewer than two. */
export function meanPairwise(
  partitions: readonly Partition[],
  likeness: (a: Partition, b: Partition) => number,
): number | undefined {
  const values = partitions.flatMap((a, index) =>
    partitions.slice(index + 1).map((b) => likeness(a, b)),
  );
  return values.length === 0 ? undefined : sumOf(values, (value) => value) / values.length;
}

/** How many things are in each part, and in each meeting of a part of `a` with one of `b`. */
function contingency(a: Partition, b: Partition) {
  if (a.length !== b.length || a.length === 0) {
    throw new RangeError(`partitions of ${a.length} and ${b.length} things; wanted: of the same`);
  }
  const counts = (labels: Partition): number[] => {
    const parts = Map.groupBy(labels, (label) => label);
    return [...parts.values()].map(({ length }) => length);
  };
  return { a: counts(a), b: counts(b), joint: counts(a.map((label, i) => `${label} ${b[i]}`)) };
}

function pairs(count: number): number {
  return (count * (count - 1)) / 2;
}

function sumOf(values: readonly number[], of: (value: number) => number): number {
  return values.reduce((sum, value) => sum + of(value), 0);
}
