/** What each method refuses before anything is trained: impossible pairs, in words of the study. */
import test from 'ava';

import type { Pair } from '../../distillers/contract.ts';
import { distillerOf } from '../../distillers/lookup.ts';
import { DISTILLERS } from '../../distillers/registry.ts';
import { featureShapes } from '../../study/models/models.ts';

const STAGED = featureShapes('resnet8', 32);
const TREE = featureShapes('hme_ltb', 32);
const pairOf = (changes: Partial<Pair>): Pair => {
  return { student: STAGED, teacher: STAGED, classes: 10, images: 100, ...changes };
};
const refusalOf = (name: string, pair: Pair, options = {}): string | undefined =>
  distillerOf(name).refuses?.(pair, options);

/** All methods that read features, with their published options. */
const ON_FEATURES = DISTILLERS.filter(({ reads }) => reads.teacher === 'features');

for (const { name, ...method } of ON_FEATURES) {
  const options = method.options.parse({});
  test(`${name} takes networks of stages, and refuses a tree on either side`, (t) => {
    t.is(refusalOf(name, pairOf({}), options), undefined);
    const ofStudent = refusalOf(name, pairOf({ student: TREE }), options) ?? '';
    t.regex(ofStudent, /^the student has no .*; allowed: networks of stages \(resnet, wrn\)$/);
    const ofTeacher = refusalOf(name, pairOf({ teacher: TREE }), options) ?? '';
    t.regex(ofTeacher, /^the teacher has no .*; allowed: networks of stages \(resnet, wrn\)$/);
  });
}

test('at refuses maps whose sizes are no whole ratio', (t) => {
  const teacher = { ...STAGED, maps: STAGED.maps.map(([h, w, c]) => [h + 4, w + 4, c] as const) };
  t.is(
    refusalOf('at', pairOf({ teacher })),
    'it compares maps of 32 and 36 pixels; allowed: whole ratios',
  );
  const halved = { ...STAGED, maps: STAGED.maps.map(([h, w, c]) => [h / 2, w / 2, c] as const) };
  t.is(refusalOf('at', pairOf({ teacher: halved })), undefined);
});

test('crd refuses data with one class: it has no negatives', (t) => {
  t.is(refusalOf('crd', pairOf({ classes: 1 })), 'there are 1 classes; allowed: 2 or more');
  t.is(refusalOf('crd', pairOf({ classes: 2 })), undefined);
});

test('fitnet refuses a map that is not there, and one that no regressor reaches', (t) => {
  t.is(refusalOf('fitnet', pairOf({}), { layer: 7 }), 'the student has no map f7; allowed: 0 … 3');
  const far = { ...STAGED, maps: STAGED.maps.map(([h, w, c]) => [4 * h, 4 * w, c] as const) };
  t.regex(
    refusalOf('fitnet', pairOf({ teacher: far }), { layer: 1 }) ?? '',
    /^its regressor leads from 32 × 32 × 16 to 128 × 128 × 16; allowed: to a map that is not larger, or twice as large$/,
  );
});

test('what tells the other classes apart refuses two of them', (t) => {
  const two = pairOf({ classes: 2 });
  const sentence =
    'there are 2 classes, and it compares what lies beside the right one; allowed: 3 or more';
  for (const name of ['dkd', 'nkd', 'rld']) {
    t.is(refusalOf(name, two), sentence);
    t.is(refusalOf(name, pairOf({ classes: 3 })), undefined);
  }
  t.is(
    refusalOf('lskd', two),
    'there are 2 classes, and two standardised logits are ±0.71 whatever they were; allowed: 3 or more',
  );
  t.regex(
    refusalOf('ctkd', two, { base: 'dkd' }) ?? '',
    /^there are 2 classes, .*; allowed: 3 or more$/,
  );
  t.is(refusalOf('ctkd', two, { base: 'kd' }), undefined);
  const scales = [1];
  t.is(refusalOf('sdd', two, { base: 'dkd', scales }), sentence);
  t.is(refusalOf('sdd', two, { base: 'kd', scales }), undefined);
});

test('methods that compare maps stage by stage refuse sizes that are no whole ratio', (t) => {
  const teacher = { ...STAGED, maps: STAGED.maps.map(([h, w, c]) => [h + 4, w + 4, c] as const) };
  for (const name of ['nst', 'vid', 'ofd', 'reviewkd']) {
    t.is(
      refusalOf(name, pairOf({ teacher })),
      'it compares maps of 32 and 36 pixels; allowed: whole ratios',
    );
  }
});

test('ofd refuses a teacher with the smaller maps, reviewkd one whose maps do not grow', (t) => {
  const halved = { ...STAGED, maps: STAGED.maps.map(([h, w, c]) => [h / 2, w / 2, c] as const) };
  t.is(
    refusalOf('ofd', pairOf({ teacher: halved })),
    'the teacher’s map has 16 pixels, the student’s 32; allowed: no smaller than the student’s',
  );
  t.is(refusalOf('ofd', pairOf({ student: halved })), undefined);
  t.is(
    refusalOf('reviewkd', pairOf({ teacher: halved })),
    'it enlarges maps of 8 to 4 pixels; allowed: whole multiples',
  );
});

test('sdd refuses regions that do not divide the last map', (t) => {
  t.is(
    refusalOf('sdd', pairOf({}), { base: 'kd', scales: [1, 3] }),
    'it cuts maps of 8 pixels into 3 × 3 regions; allowed: divisors of 8',
  );
});

test('simkd refuses maps whose sizes are no whole ratio, and a projector without channels', (t) => {
  const teacher = { ...STAGED, maps: STAGED.maps.map(([h, w, c]) => [h + 4, w + 4, c] as const) };
  t.is(
    refusalOf('simkd', pairOf({ teacher }), { factor: 2 }),
    'it compares maps of 8 and 12 pixels; allowed: whole ratios',
  );
  t.is(
    refusalOf('simkd', pairOf({}), { factor: 65 }),
    'factor is 65, and the teacher’s last map has 64 channels; allowed: at most 64',
  );
});
