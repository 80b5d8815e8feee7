import { KdxError } from '../../leg/errors.ts';
import { stream } from '../engine/random.ts';

/** Seed of every split: the images a study trains, validates and tests on are the same for all seeds. */
const SPLIT_SEED = 1029;

/** Positions of the images of each part, ascending. */
export type Split = {
  readonly train: Uint32Array;
  readonly validation: Uint32Array;
  readonly test: Uint32Array;
};

export type SplitSizes = {
  readonly train: number;
  readonly validation: number;
  readonly test: number;
};

/**
 * Draws validation images out of the train set, train images out of the rest and test images out of
 * the test set, each with the class shares of what it is drawn from.
 *
 * @throws KdxError SpecInvalid where more images are asked for than there are
 */
export function splitImages(
  sizes: SplitSizes,
  trainLabels: Uint8Array,
  testLabels: Uint8Array,
): Split {
  requireEnough('dataset.split.validation + train', sizes.validation + sizes.train, trainLabels);
  requireEnough('dataset.split.test', sizes.test, testLabels);
  const all = Uint32Array.from(trainLabels, (_, index) => index);
  const validation = drawStratified(all, trainLabels, sizes.validation, 'split/validation');
  const held = new Set(validation);
  const rest = all.filter((index) => !held.has(index));
  const test = Uint32Array.from(testLabels, (_, index) => index);
  return {
    train: drawStratified(rest, trainLabels, sizes.train, 'split/train'),
    validation,
    test: drawStratified(test, testLabels, sizes.test, 'split/test'),
  };
}

function requireEnough(place: string, wanted: number, labels: Uint8Array): void {
  if (wanted <= labels.length) return;
  throw new KdxError('SpecInvalid', `${place} is ${wanted}; allowed: at most ${labels.length}.`);
}

/** Draws `count` of the candidates so that every class keeps its share, to within one image. */
function drawStratified(
  candidates: Uint32Array,
  labels: Uint8Array,
  count: number,
  name: string,
): Uint32Array {
  if (count === candidates.length) return candidates;
  const byClass = new Map<number, number[]>();
  for (const index of candidates) {
    const label = labels[index] as number;
    const members = byClass.get(label);
    if (members === undefined) byClass.set(label, [index]);
    else members.push(index);
  }
  const classes = [...byClass.keys()].toSorted((a, b) => a - b);
  const members = classes.map((label) => byClass.get(label) as number[]);
  const quotas = shares(
    members.map(({ length }) => length),
    count,
  );
  const drawn = members.flatMap((images, position) => {
    const order = stream(SPLIT_SEED, `${name}/${classes[position]}`).permutation(images.length);
    return [...order.subarray(0, quotas[position])].map((index) => images[index] as number);
  });
  return Uint32Array.from(drawn).sort();
}

/** `total` in proportion to `sizes`: whole parts first, then the largest remainders (lower class first). */
function shares(sizes: readonly number[], total: number): number[] {
  const all = sizes.reduce((sum, size) => sum + size, 0);
  const exact = sizes.map((size) => (size * total) / all);
  const quotas = exact.map(Math.floor);
  const missing = total - quotas.reduce((sum, quota) => sum + quota, 0);
  const byRemainder = [...exact.keys()].toSorted((a, b) => {
    const difference = ((exact[b] as number) % 1) - ((exact[a] as number) % 1);
    return difference === 0 ? a - b : difference;
  });
  for (const index of byRemainder.slice(0, missing)) quotas[index] = (quotas[index] as number) + 1;
  return quotas;
}
