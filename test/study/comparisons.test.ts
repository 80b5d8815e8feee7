import test from 'ava';

import { comparisonsOf } from '../../study/comparisons.ts';
import { resolveStudy } from '../../study/resolve.ts';
import type { Study, StudyInput } from '../../study/schema.ts';

type Methods = NonNullable<StudyInput['sweep']>['methods'];

type DistillerInput = Methods[number]['distillers'][number];

const ce: Methods[number] = { id: 'CE', distillers: [{ name: 'ce' }] };
const kd: Methods[number] = {
  id: 'KD',
  distillers: [
    { name: 'ce', weight: 0.1 },
    { name: 'kd', weight: 0.9 },
  ],
};

function input(methods: readonly Methods[number][], report: StudyInput['report'] = {}): StudyInput {
  const train: NonNullable<StudyInput['sweep']>['train'] = {
    epochs: 1,
    optimizer: { name: 'sgd' },
  };
  return {
    name: 'comparisons',
    dataset: { name: 'digits' },
    seeds: { init: [1], data: [1] },
    teachers: [{ id: 'teacher', model: { name: 'resnet14' }, train }],
    sweep: { students: [{ name: 'resnet8' }], methods: [...methods], train },
    report,
  };
}

function resolved(methods: readonly Methods[number][], report?: StudyInput['report']): Study {
  const resolution = resolveStudy(input(methods, report));
  if (!resolution.ok) throw new TypeError(JSON.stringify(resolution.problems));
  return resolution.study;
}

function pairs(study: Study): string[] {
  return comparisonsOf(study).map(({ method, against }) => `${method} − ${against}`);
}

test('every method is compared with the baseline, and one with VAM with the same one without', (t) => {
  const study = resolved([ce, kd, { ...kd, id: 'KD+VAM', vam: {} }, { ...ce, id: 'VAM', vam: {} }]);
  t.deepEqual(pairs(study), ['KD − CE', 'KD+VAM − CE', 'KD+VAM − KD', 'VAM − CE']);
});

test('a method with VAM and another loss or teacher is no other method with VAM on top', (t) => {
  const [hard, soft] = kd.distillers as [DistillerInput, DistillerInput];
  const distillers = [hard, { ...soft, weight: 0.8 }];
  const vam = { ...kd, id: 'KD8+VAM', distillers, vam: {} };
  t.deepEqual(pairs(resolved([ce, kd, vam])), ['KD − CE', 'KD8+VAM − CE']);
});

test('the baseline may be any method', (t) => {
  t.deepEqual(pairs(resolved([ce, kd], { baseline: 'KD' })), ['CE − KD']);
});

test('a study that names its comparisons gets those', (t) => {
  const comparisons = [{ method: 'CE', against: 'KD' }];
  t.deepEqual(pairs(resolved([ce, kd], { comparisons })), ['CE − KD']);
  t.deepEqual(pairs(resolved([ce, kd], { comparisons: [] })), []);
});

const REFUSED = [
  [
    [{ method: 'AT', against: 'CE' }],
    '$.report.comparisons[0].method: found "AT"; allowed: CE, KD',
  ],
  [[{ method: 'KD', against: 'KD' }], '$.report.comparisons[0].against: found "KD"; allowed: CE'],
  [
    [
      { method: 'KD', against: 'CE' },
      { method: 'KD', against: 'CE' },
    ],
    '$.report.comparisons[1]: found "KD against CE" twice; allowed: each once',
  ],
] as const;

for (const [comparisons, problem] of REFUSED) {
  test(`refused: ${problem}`, (t) => {
    const resolution = resolveStudy(input([ce, kd], { comparisons: [...comparisons] }));
    t.deepEqual(
      resolution.ok ? [] : resolution.problems.map(({ path, message }) => `${path}: ${message}`),
      [problem],
    );
  });
}
