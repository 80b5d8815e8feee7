import test from 'ava';

import { DATASETS, DATASET_NAMES } from '../../study/datasets.ts';
import { resolveStudy } from '../../study/resolve.ts';
import { DEFAULT_PRESET } from '../../study/schema.ts';

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
