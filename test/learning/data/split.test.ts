import test from 'ava';

import { KdxError } from '../../../leg/errors.ts';
import { splitImages } from '../../../learning/data/split.ts';
import { stream } from '../../../learning/engine/random.ts';

/** Labels of ten classes, the first three times as frequent as the others. */
const labels = Uint8Array.from(stream(1, 'labels').integers(1200, 12), (label) =>
  label >= 10 ? 0 : label,
);
const testLabels = Uint8Array.from({ length: 300 }, (_, index) => index % 10);

function countsOf(images: Uint32Array, of: Uint8Array): number[] {
  const counts = Array.from({ length: 10 }, () => 0);
  for (const image of images) {
    const label = of[image] as number;
    counts[label] = (counts[label] as number) + 1;
  }
  return counts;
}

const all = (of: Uint8Array): Uint32Array => Uint32Array.from(of, (_, index) => index);

for (const sizes of [
  { train: 1000, validation: 200, test: 300 },
  { train: 417, validation: 83, test: 7 },
  { train: 1, validation: 0, test: 1 },
]) {
  test(`a split into ${Object.values(sizes).join(', ')} is exact, disjoint and stratified`, (t) => {
    const split = splitImages(sizes, labels, testLabels);
    t.is(split.train.length, sizes.train);
    t.is(split.validation.length, sizes.validation);
    t.is(split.test.length, sizes.test);
    const drawn = [...split.train, ...split.validation];
    t.is(new Set(drawn).size, drawn.length, 'no image twice');
    t.is(new Set(split.test).size, split.test.length);
    for (const part of [split.train, split.validation]) {
      t.deepEqual(
        [...part],
        [...part].toSorted((a, b) => a - b),
      );
      const shares = countsOf(all(labels), labels).map(
        (count) => (count * part.length) / labels.length,
      );
      const counts = countsOf(part, labels);
      // Train images are drawn from what validation left, whose shares are rounded themselves.
      for (const [label, count] of counts.entries()) {
        t.true(Math.abs(count - (shares[label] as number)) <= 2, `class ${label}: ${counts}`);
      }
    }
    for (const count of countsOf(split.test, testLabels)) {
      t.true(Math.abs(count - sizes.test / 10) < 1);
    }
  });
}

test('a larger train set holds the smaller one of every class', (t) => {
  const small = splitImages({ train: 300, validation: 100, test: 10 }, labels, testLabels);
  const large = splitImages({ train: 900, validation: 100, test: 10 }, labels, testLabels);
  const held = new Set(large.train);
  t.true(small.train.every((image) => held.has(image)));
  t.deepEqual(small.validation, large.validation);
});

test('a test set is drawn alike whatever is trained on', (t) => {
  const one = splitImages({ train: 300, validation: 0, test: 50 }, labels, testLabels);
  const other = splitImages({ train: 1100, validation: 100, test: 50 }, labels, testLabels);
  t.deepEqual(one.test, other.test);
});

test('more images than there are are refused', (t) => {
  for (const [sizes, why] of [
    [
      { train: 1000, validation: 201, test: 1 },
      'dataset.split.validation + train is 1201; allowed: at most 1200.',
    ],
    [{ train: 1, validation: 0, test: 301 }, 'dataset.split.test is 301; allowed: at most 300.'],
  ] as const) {
    const error = t.throws(() => splitImages(sizes, labels, testLabels), { instanceOf: KdxError });
    t.is(error.code, 'SpecInvalid');
    t.is(error.message, why);
  }
});
