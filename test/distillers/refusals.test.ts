/** What each method refuses before anything is trained: impossible pairs, in words of the study. */
import test from 'ava';

import type { Pair } from '../../distillers/contract.ts';
import { distillerOf } from '../../distillers/lookup.ts';
import { featureShapes } from '../../study/models/models.ts';

const STAGED = featureShapes('resnet8', 32);
const TREE = featureShapes('hme_ltb', 32);
const pairOf = (changes: Partial<Pair>): Pair => {
  return { student: STAGED, teacher: STAGED, classes: 10, images: 100, ...changes };
};
const refusalOf = (name: string, pair: Pair, options = {}): string | undefined =>
  distillerOf(name).refuses?.(pair, options);

for (const [name, options] of Object.entries({ at: {}, sp: {}, fitnet: { layer: 2 }, crd: {} })) {
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
