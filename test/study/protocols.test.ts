/** What a published protocol fills in, and what a study says itself. */
import test from 'ava';

import { digestJson } from '../../study/canonical.ts';
import { expandStudy } from '../../study/plan/plan.ts';
import { cellsOf, trainOf } from '../../study/plan/exceptions.ts';
import { PROTOCOL_NAMES } from '../../study/protocols.ts';
import { problemsText, resolveStudy } from '../../study/resolve.ts';
import type { Study } from '../../study/schema.ts';
import { trainSchema } from '../../study/train-schema.ts';
import { context } from './context.ts';

const METHODS = [
  { id: 'CE', distillers: [{ name: 'ce' }] },
  { id: 'FT', distillers: [{ name: 'ce' }, { name: 'ft' }] },
];
const studyOf = (sweep: object = {}, rest: object = {}): object => ({
  name: 'table',
  dataset: { name: 'cifar100' },
  seeds: { init: [1], data: [1] },
  teachers: [{ id: 'teacher', model: { name: 'resnet56' } }],
  sweep: { students: [{ name: 'resnet20' }], methods: METHODS, ...sweep },
  ...rest,
});

function resolved(study: object): Study {
  const resolution = resolveStudy(study);
  if (resolution.ok) return resolution.study;
  throw new Error(problemsText(resolution.problems));
}

function refusal(study: object): string {
  const resolution = resolveStudy(study);
  return resolution.ok ? 'accepted' : problemsText(resolution.problems);
}

/** Trainings of a study's sweep, by student and method. */
function trainings({ sweep }: Study) {
  if (sweep === undefined) throw new Error('There is no sweep.');
  return cellsOf(sweep).map((cell) => ({
    of: `${cell.student.name} ${cell.method.id}`,
    train: trainOf(sweep, cell),
  }));
}

for (const protocol of PROTOCOL_NAMES) {
  test(`${protocol} says all of a training, and its name is nowhere in what is run`, (t) => {
    const study = resolved(studyOf({}, { protocol }));
    t.false('protocol' in study);
    t.notRegex(JSON.stringify(study), /protocol/);
    const [teacher] = study.teachers;
    for (const train of [study.sweep?.train, (teacher as { train: object }).train]) {
      t.deepEqual(trainSchema.parse(train) as unknown, train);
    }
  });
}

test('a protocol and its settings written out are one study, and have the same keys', (t) => {
  const named = resolved(studyOf({}, { protocol: 'reviewkd' }));
  const written = resolved(
    studyOf(
      { train: named.sweep?.train },
      { teachers: [{ id: 'teacher', model: { name: 'resnet56' }, train: named.sweep?.train }] },
    ),
  );
  t.deepEqual(written, named);
  const keys = (study: Study) =>
    expandStudy(study, context).map((node) => digestJson(node.bind((id) => digestJson(id))));
  t.deepEqual(keys(written), keys(named));
});

test('the settings of each protocol are the published ones', (t) => {
  const settings = (protocol: string) => {
    const [{ train } = { train: undefined }] = trainings(resolved(studyOf({}, { protocol })));
    return [train?.epochs, train?.batch, train?.optimizer.learningRate, train?.milestones.join()];
  };
  const usual = '150,180,210';
  t.deepEqual(settings('repdistiller'), [240, 64, 0.05, usual]);
  t.deepEqual(settings('mdistiller'), [240, 64, 0.05, usual]);
  t.deepEqual(settings('reviewkd'), [240, 128, 0.1, usual]);
  t.deepEqual(settings('mlkd'), [240, 64, 0.025, usual]);
  t.deepEqual(settings('tiny-imagenet'), [200, 256, 0.2, '60,120,160']);
  const explainer = resolved(studyOf({}, { protocol: 'kdexplainer', explain: {} })).explain;
  t.like(explainer?.stage1, { epochs: 300, batch: 128, schedule: 'explainer-soft' });
  t.like(explainer?.stage1.optimizer, { name: 'adam', learningRate: 0.05, gateLearningRate: 0.01 });
  t.like(explainer?.stage2.optimizer, { name: 'sgd', learningRate: 0.05 });
});

test('what a study says itself wins', (t) => {
  const own = { epochs: 12, optimizer: { weightDecay: 0.1 }, augment: { flip: false } };
  const study = resolved(studyOf({ train: own }, { protocol: 'reviewkd' }));
  t.like(study.sweep?.train, { epochs: 12, batch: 128, augment: { pad: 4, flip: false } });
  t.like(study.sweep?.train.optimizer, { learningRate: 0.1, nesterov: true, weightDecay: 0.1 });
  const other = { optimizer: { name: 'adam' } };
  t.is(
    resolved(studyOf({ train: other }, { protocol: 'mdistiller' })).sweep?.train.optimizer.name,
    'adam',
  );
  const weights = (protocol: string, ft: object) => {
    const methods = [METHODS[0], { id: 'FT', distillers: [{ name: 'ce' }, ft] }];
    return resolved(studyOf({ methods }, { protocol })).sweep?.methods[1]?.distillers[1]?.weight;
  };
  t.is(weights('repdistiller', { name: 'ft' }), 200);
  t.is(weights('kdexplainer', { name: 'ft' }), 50);
  t.is(weights('kdexplainer', { name: 'ft', weight: 7 }), 7);
});

test('networks for small devices have a rate of their own, unless the study says one', (t) => {
  const students = ['resnet20', 'shufflenetv1', 'mobilenetv2'].map((name) => ({ name }));
  const rates = (sweep: object) =>
    trainings(
      resolved(studyOf({ students, methods: [METHODS[0]], ...sweep }, { protocol: 'mdistiller' })),
    ).map(({ train }) => train.optimizer.learningRate);
  t.deepEqual(rates({}), [0.05, 0.01, 0.01]);
  t.deepEqual(rates({ train: { optimizer: { learningRate: 0.03 } } }), [0.03, 0.03, 0.03]);
  const train = { optimizer: { learningRate: 0.02 } };
  const exceptions = [{ students: ['mobilenetv2'], train }];
  t.deepEqual(rates({ exceptions }), [0.05, 0.01, 0.02]);
});

test('exceptions go over the sweep’s training, a later one over an earlier one', (t) => {
  const exceptions = [
    { methods: ['FT'], train: { batch: 128, optimizer: { dot: 0.075 } } },
    { students: ['resnet8'], methods: ['FT'], train: { optimizer: { learningRate: 0.3 } } },
  ];
  const students = [{ name: 'resnet20' }, { name: 'resnet8' }];
  const found = trainings(resolved(studyOf({ students, exceptions }, { protocol: 'mdistiller' })));
  t.deepEqual(
    found.map(({ of, train: { batch, optimizer } }) => [
      ...[of, batch, optimizer.learningRate],
      optimizer.name === 'sgd' ? optimizer.dot : 'none',
    ]),
    [
      ['resnet20 CE', 64, 0.05, undefined],
      ['resnet20 FT', 128, 0.05, 0.075],
      ['resnet8 CE', 64, 0.05, undefined],
      ['resnet8 FT', 128, 0.3, 0.075],
    ],
  );
});

test('an exception reaches the trials that it is for, and no other key', (t) => {
  const specs = (study: Study) =>
    new Map(expandStudy(study, context).map((node) => [node.id, node.bind((id) => id)]));
  const plain = specs(resolved(studyOf({}, { protocol: 'mdistiller' })));
  const exceptions = [{ methods: ['FT'], train: { batch: 128 } }];
  const changed = specs(resolved(studyOf({ exceptions }, { protocol: 'mdistiller' })));
  const moved = [...changed].filter(
    ([id, spec]) => digestJson(spec) !== digestJson(plain.get(id) ?? ''),
  );
  t.deepEqual(
    moved.map(([id]) => id),
    ['sweep/resnet20/FT/s1'],
  );
  t.like(changed.get('sweep/resnet20/FT/s1'), { train: { batch: 128 } });
});

const refused: readonly (readonly [what: string, study: object, message: RegExp])[] = [
  [
    'a protocol that there is not',
    studyOf({}, { protocol: 'mine' }),
    /^\$\.protocol: found "mine"; allowed: .*repdistiller/,
  ],
  ['a study without protocol and training', studyOf(), /\$\.sweep\.train: /],
  [
    'an exception for a student that is not in the sweep',
    studyOf(
      { students: [{ name: 'shufflenetv1' }], exceptions: [{ students: ['resnet8'], train: {} }] },
      { protocol: 'mdistiller' },
    ),
    /^\$\.sweep\.exceptions\[0\]\.students\[0\]: found "resnet8"; allowed: shufflenetv1$/,
  ],
  [
    'an exception for a method that is not in the sweep',
    studyOf({ exceptions: [{ methods: ['KD'], train: {} }] }, { protocol: 'mdistiller' }),
    /^\$\.sweep\.exceptions\[0\]\.methods\[0\]: found "KD"; allowed: CE, FT$/,
  ],
  [
    'an exception that leaves no training that can be',
    studyOf({ exceptions: [{ train: { optimizer: { dot: 0.5 } } }] }, { protocol: 'mdistiller' }),
    /^\$\.sweep\.exceptions\[0\]\.train\.optimizer\.dot: found 0\.5 at momentum 0\.9/,
  ],
  [
    'a momentum for a sweep by Adam',
    studyOf(
      {
        train: { epochs: 1, optimizer: { name: 'adam' } },
        exceptions: [{ train: { optimizer: { momentum: 0.5 } } }],
      },
      { protocol: 'mdistiller' },
    ),
    /^\$\.sweep\.exceptions\[0\]\.train\.optimizer: .*momentum/,
  ],
];
for (const [what, study, message] of refused) {
  test(`${what} is refused by its place`, (t) => {
    t.regex(refusal(study), message);
  });
}
