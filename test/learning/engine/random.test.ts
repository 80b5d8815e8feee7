import test from 'ava';

import { philox, stream } from '../../../learning/engine/random.ts';

type Words = readonly [number, number, number, number];

/** Known answers of `philox4x32 10` in Random123 (kat_vectors). */
const KNOWN: readonly { counter: Words; key: readonly [number, number]; words: Words }[] = [
  {
    counter: [0, 0, 0, 0],
    key: [0, 0],
    words: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    words: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    words: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
];

test('Philox gives the known answers of its authors', (t) => {
  for (const { counter, key, words } of KNOWN) {
    const out = new Uint32Array(6);
    philox(counter, key, out, 1);
    t.deepEqual([...out], [0, ...words, 0]);
  }
});

test('a stream of one name is the same whatever other streams are drawn from', (t) => {
  const alone = stream(1, 'order/3').words(100);
  const [one, other] = [stream(1, 'order/3'), stream(1, 'crd')];
  const between = Array.from({ length: 100 }, () => {
    other.normal(3);
    return one.words(1)[0] as number;
  });
  t.deepEqual(between, [...alone]);
});

test('streams of other names and of other seeds share no sequence', (t) => {
  const names = ['init/a', 'init/b', 'order/1', 'order/11', 'augment/1/1', 'dropout/1/1'];
  const streams = [1, 2, 11].flatMap((seed) => names.map((name) => stream(seed, name)));
  // Pairs of successive words: single ones meet by chance.
  const pairs = streams.flatMap((source) => {
    const words = source.words(1001);
    return [...words.subarray(1)].map((word, index) => `${words[index]} ${word}`);
  });
  t.is(new Set(pairs).size, streams.length * 1000);
});

test('a stream goes on where it was left, also within a block of four words', (t) => {
  const whole = stream(9, 'words').words(11);
  const source = stream(9, 'words');
  const parts = [3, 1, 0, 5, 2].flatMap((count) => [...source.words(count)]);
  t.deepEqual(parts, [...whole]);
});

test('a permutation holds every number once and has no favourite place', (t) => {
  const source = stream(4, 'permutation');
  const places = Array.from({ length: 5 }, () => 0);
  const rounds = 10_000;
  for (let round = 0; round < rounds; round += 1) {
    const order = source.permutation(5);
    if (round === 0) t.deepEqual([...order].sort(), [0, 1, 2, 3, 4]);
    const place = order.indexOf(0);
    places[place] = (places[place] as number) + 1;
  }
  // Five standard deviations of a binomial count.
  const tolerance = 5 * Math.sqrt(rounds * 0.2 * 0.8);
  for (const count of places) t.true(Math.abs(count - rounds / 5) < tolerance, String(places));
});

test('integers stay below their bound and reach every value', (t) => {
  for (const bound of [1, 2, 7, 9]) {
    const drawn = new Set(stream(4, `integers/${bound}`).integers(1000, bound));
    t.deepEqual(
      [...drawn].sort(),
      Array.from({ length: bound }, (_, value) => value),
    );
  }
});

test('uniform and normal values have the moments of their distributions', (t) => {
  const count = 100_000;
  const moments = (values: Float32Array): [number, number] => {
    const mean = values.reduce((sum, value) => sum + value, 0) / count;
    return [mean, values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count];
  };
  const uniform = stream(2, 'uniform').uniform(count);
  t.true(uniform.every((value) => value >= 0 && value < 1));
  const [uniformMean, uniformVariance] = moments(uniform);
  t.true(Math.abs(uniformMean - 1 / 2) < 5 * Math.sqrt(1 / 12 / count));
  t.true(Math.abs(uniformVariance - 1 / 12) < 5 * Math.sqrt(1 / 180 / count));
  const [normalMean, normalVariance] = moments(stream(2, 'normal').normal(count));
  t.true(Math.abs(normalMean) < 5 / Math.sqrt(count));
  t.true(Math.abs(normalVariance - 1) < 5 * Math.sqrt(2 / count));
});
