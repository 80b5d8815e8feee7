import test from 'ava';
import {
  adjustedRandIndex,
  meanPairwise,
  normalisedMutualInformation,
} from '../../statistics/partition.ts';

/** Values of scikit-learn 1.5: `adjusted_rand_score`, `normalized_mutual_info_score`. */
const GOLDEN = [
  { a: [0, 0, 1, 1], b: [0, 0, 1, 2], ari: 0.571_428_571_428_571_4, nmi: 0.8 },
  { a: [0, 0, 1, 1], b: [0, 1, 0, 1], ari: -0.5, nmi: 0 },
  { a: [0, 0, 0, 0], b: [0, 1, 2, 3], ari: 0, nmi: 0 },
  {
    a: [0, 0, 0, 1, 1, 1],
    b: [0, 0, 1, 1, 2, 2],
    ari: 0.242_424_242_424_242_4,
    nmi: 0.515_803_742_979_388_8,
  },
];

for (const { a, b, ari, nmi } of GOLDEN) {
  test(`[${a.join()}] and [${b.join()}] are as alike as scikit-learn finds them`, (t) => {
    t.true(Math.abs(adjustedRandIndex(a, b) - ari) < 1e-12);
    t.true(Math.abs(adjustedRandIndex(b, a) - ari) < 1e-12);
    t.true(Math.abs(normalisedMutualInformation(a, b) - nmi) < 1e-12);
    t.true(Math.abs(normalisedMutualInformation(b, a) - nmi) < 1e-12);
  });
}

test('the same partition under other labels is the same partition', (t) => {
  for (const likeness of [adjustedRandIndex, normalisedMutualInformation]) {
    t.true(Math.abs(likeness([1, 1, 2, 3], ['x', 'x', 'a', 'b']) - 1) < 1e-12);
    t.is(likeness([1, 1, 1], ['x', 'x', 'x']), 1);
  }
});

test('partitions of different things are refused', (t) => {
  t.throws(() => adjustedRandIndex([0, 1], [0]), { message: /partitions of 2 and 1 things/ });
  t.throws(() => adjustedRandIndex([], []), { message: /of 0 and 0 things/ });
});

test('the mean goes over pairs of different partitions, and takes two', (t) => {
  const [a, b, c] = [
    [0, 0, 1, 1],
    [0, 0, 1, 2],
    [0, 1, 0, 1],
  ];
  const all = [adjustedRandIndex(a, b), adjustedRandIndex(a, c), adjustedRandIndex(b, c)];
  const mean = meanPairwise([a, b, c], adjustedRandIndex) ?? Number.NaN;
  t.true(Math.abs(mean - (all[0]! + all[1]! + all[2]!) / 3) < 1e-12);
  t.is(meanPairwise([a], adjustedRandIndex), undefined);
});
