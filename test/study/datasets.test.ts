import test from 'ava';

import type { DatasetInfo } from '../../study/catalog.ts';
import { DATASETS, DATASET_NAMES } from '../../study/datasets.ts';
import { bindTrial, expandStudy } from '../../study/plan/plan.ts';
import { splitOf } from '../../study/plan/split.ts';
import { isPending, problemsText, resolveStudy } from '../../study/resolve.ts';
import { DEFAULT_PRESET } from '../../study/schema.ts';
import { CONTEXT } from '../cli/study/store.ts';

for (const name of DATASET_NAMES) {
  test(`${name} has a name for every class, and the preset of a study that names none`, (t) => {
    const { classes, classNames, presets } = DATASETS[name];
    t.is(new Set<string>(classNames).size, classes);
    t.true(Object.hasOwn(presets, DEFAULT_PRESET));
  });
}

/** Coarse label of every fine one, as the files of CIFAR-100 pair them. */
const COARSE = [
  4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11, 6, 11, 5, 10, 7, 6, 13, 15, 3,
  15, 0, 11, 1, 10, 12, 14, 16, 9, 11, 5, 5, 19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4, 2, 0,
  17, 4, 18, 17, 10, 3, 2, 12, 12, 16, 12, 1, 9, 19, 2, 10, 0, 1, 16, 12, 9, 13, 15, 13, 16, 19, 2,
  4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14, 13,
];

test('every class of CIFAR-100 is in the superclass that its coarse label names', (t) => {
  const { superclasses, classNames } = DATASETS.cifar100;
  t.is(superclasses.length, 20);
  t.deepEqual(
    classNames.map((_, fine) => superclasses.findIndex(({ classes }) => classes.includes(fine))),
    COARSE,
  );
  t.deepEqual([classNames[0], classNames[47], classNames[99]], ['apple', 'maple tree', 'worm']);
});

test('a plain study of CIFAR-100 is accepted', (t) => {
  const train = { epochs: 240, optimizer: { name: 'sgd' } };
  const resolution = resolveStudy({
    name: 'plain',
    dataset: { name: 'cifar100' },
    seeds: { init: [1], data: [1] },
    sweep: {
      students: [{ name: 'resnet8' }],
      methods: [{ id: 'CE', distillers: [{ name: 'ce' }] }],
      train,
    },
  });
  t.true(resolution.ok);
});

/** A dataset that no build knows. */
const BIRDS: DatasetInfo = {
  ...{ classes: 2, imageSize: 64, labelBytes: 1, classNames: ['ant', 'bee'] },
  ...{ trainImages: 100, testImages: 20 },
  presets: { correct: { mean: [0, 0, 0], std: [1, 1, 1] } },
};

const written = {
  ...{ name: 'mine', dataset: { name: 'birds' }, seeds: { init: [1], data: [1] } },
  sweep: {
    students: [{ name: 'resnet8' }],
    methods: [{ id: 'CE', distillers: [{ name: 'ce' }] }],
    train: { epochs: 1, batch: 8, optimizer: { name: 'sgd' }, augment: { pad: 2, flip: true } },
  },
};

test('a study of a dataset that only the store knows waits for it, and is then held against it', (t) => {
  const pending = resolveStudy(written);
  t.true(pending.ok && isPending(pending.study));
  const resolved = resolveStudy(written, BIRDS);
  if (!resolved.ok || isPending(resolved.study)) return t.fail();
  t.deepEqual(splitOf(resolved.study), { train: 100, validation: 0, test: 20 });
  const split = { train: 99, validation: 2 };
  for (const [dataset, why] of [
    [{ name: 'birds', preset: 'paper' }, /found "paper"; allowed for birds: correct$/],
    [
      { name: 'birds', split },
      /found train 99 \+ validation 2; allowed: at most 100 images in birds/,
    ],
  ] as const) {
    const refused = resolveStudy({ ...written, dataset }, BIRDS);
    t.regex(refused.ok ? '' : problemsText(refused.problems), why);
  }
});

test('nobody writes what a dataset is, and a name has to fit the store', (t) => {
  for (const dataset of [{ name: 'birds', info: BIRDS }, { name: 'My Birds' }, { name: '../x' }]) {
    t.false(resolveStudy({ ...written, dataset }).ok, JSON.stringify(dataset));
  }
});

test('the specs of a dataset that is not registered have its sizes; those of others do not', (t) => {
  const sizesIn = (input: unknown, info?: DatasetInfo): unknown => {
    const resolved = resolveStudy(input, info);
    if (!resolved.ok) throw new Error(problemsText(resolved.problems));
    const [node] = expandStudy(resolved.study, CONTEXT);
    return node === undefined ? undefined : bindTrial(node, new Map()).spec.dataset.sizes;
  };
  t.deepEqual(sizesIn(written, BIRDS), { classes: 2, imageSize: 64 });
  t.is(sizesIn({ ...written, dataset: { name: 'cifar100' } }), undefined);
});
