import { readFileSync } from 'node:fs';
import test from 'ava';
import { studyJsonSchema } from '../../study/json-schema.ts';
import { problemsText, resolveStudy } from '../../study/resolve.ts';

const STUDIES = new URL('../../studies/', import.meta.url);
const digitsText = readFileSync(new URL('digits.json', STUDIES), 'utf8');

/** The digits study with the value at a path of member names replaced. */
function digitsWith(path: readonly (string | number)[], value: unknown): unknown {
  const study: unknown = JSON.parse(digitsText);
  const last = path.at(-1) ?? '';
  const parent = path
    .slice(0, -1)
    .reduce<object>((at, name) => Reflect.get(at, name), Object(study));
  Reflect.set(parent, last, value);
  return study;
}

function refusal(path: readonly (string | number)[], value: unknown): string {
  const resolution = resolveStudy(digitsWith(path, value));
  return resolution.ok ? 'accepted' : problemsText(resolution.problems);
}

test('defaults are the published protocol', (t) => {
  // The digits study says how large a batch is.
  const silent = digitsText.replaceAll(/"batch": \d+,/g, '');
  const resolution = resolveStudy(JSON.parse(silent));
  t.true(resolution.ok);
  if (!resolution.ok) return;
  t.like(resolution.study.sweep?.train, {
    batch: 64,
    schedule: 'step',
    scale: true,
    ...{ publishedEpochs: 240, milestones: [150, 180, 210], factor: 0.1, warmUpEpochs: 0 },
    optimizer: {
      ...{ name: 'sgd', learningRate: 0.05, momentum: 0.9, nesterov: false, weightDecay: 5e-4 },
    },
  });
  const stages = {
    stage1: { epochs: 300, optimizer: { name: 'adam' } },
    stage2: { epochs: 300, optimizer: { name: 'sgd' } },
  };
  const published = resolveStudy({ ...(JSON.parse(digitsText) as object), explain: stages });
  const explain = published.ok ? published.study.explain : undefined;
  t.like(explain?.stage1, { batch: 128, schedule: 'explainer-soft', scale: true });
  t.like(explain?.stage2, { batch: 128, schedule: 'explainer-hard', scale: true });
  t.is(resolution.study.explain?.temperature, 4);
  t.is(resolution.study.explain?.smoothing, 0.1);
});

const student = { epochs: 4, optimizer: { name: 'sgd' } };
const soft = { epochs: 6, optimizer: { name: 'adam' }, schedule: 'explainer-soft' };
test('what a study leaves out of a distiller is in the study that is run, and so in the key', (t) => {
  const resolve = (distillers: readonly object[]) => {
    const resolution = resolveStudy(digitsWith(['sweep', 'methods', 1], { id: 'M', distillers }));
    t.true(resolution.ok, resolution.ok ? '' : problemsText(resolution.problems));
    return resolution.ok ? resolution.study.sweep?.methods[1] : undefined;
  };
  t.deepEqual(resolve([{ name: 'kd' }]), resolve([{ name: 'kd', weight: 0.9, temperature: 4 }]));
  t.deepEqual(resolve([{ name: 'ls' }, { name: 'crd' }])?.distillers, [
    { name: 'ls', weight: 1, smoothing: 0.1 },
    {
      ...{ name: 'crd', weight: 0.8, temperature: 0.07, momentum: 0.5 },
      ...{ dimensions: 128, negatives: 16_384 },
    },
  ]);
  t.deepEqual(
    [[{ name: 'ls' }], [{ name: 'ce' }, { name: 'kd' }], [{ name: 'kd' }, { name: 'fitnet' }]].map(
      (distillers) => resolve(distillers)?.reads,
    ),
    ['nothing', 'logits', 'features'],
  );
});

const sgd = (options: object) => ({ epochs: 4, optimizer: { name: 'sgd', ...options } });
const refusals: readonly [string, (string | number)[], unknown, RegExp][] = [
  [
    'a soft stage that would go on beyond the end of its rates',
    ['explain', 'stage1'],
    { ...soft, epochs: 400, scale: false },
    /^\$\.explain\.stage1\.epochs: found 400 with "scale": false; allowed: at most 300$/,
  ],
  [
    'a cosine that would rise again',
    ['sweep', 'train'],
    { ...student, epochs: 241, scale: false, schedule: 'cosine' },
    /^\$\.sweep\.train\.epochs: found 241 with "scale": false; allowed: at most 240$/,
  ],
  [
    'milestones that the schedule does not read',
    ['sweep', 'train'],
    { ...student, schedule: 'cosine', milestones: [60, 120] },
    /^\$\.sweep\.train\.milestones: is set, but the schedule "cosine" does not read it/,
  ],
  [
    'another length for the explainer',
    ['explain', 'stage1'],
    { ...soft, publishedEpochs: 200 },
    /^\$\.explain\.stage1\.publishedEpochs: is set, but the schedule "explainer-soft"/,
  ],
  [
    'milestones out of order',
    ['sweep', 'train', 'milestones'],
    [180, 150],
    /^\$\.sweep\.train\.milestones: found 180, 150; allowed: rising, at most 240$/,
  ],
  [
    'a warm-up as long as the run',
    ['sweep', 'train', 'warmUpEpochs'],
    240,
    /^\$\.sweep\.train\.warmUpEpochs: found 240; allowed: less than 240$/,
  ],
  [
    'an unknown model',
    ['teachers', 0, 'model', 'name'],
    'resnet9',
    /^\$\.teachers\[0\]\.model\.name: found "resnet9"; allowed: one of resnet8, /,
  ],
  [
    'a negative epoch count',
    ['sweep', 'train', 'epochs'],
    -1,
    /^\$\.sweep\.train\.epochs: found -1; allowed: at least 1/,
  ],
  ['an unknown field', ['sweep', 'train', 'epoch'], 3, /^\$\.sweep\.train\.epoch: unknown field/],
  [
    'a precision that the device does not have',
    ['device', 'precision'],
    'tf32',
    /^\$\.device\.precision: found "tf32"; allowed: float32, bf16 on cpu/,
  ],
  [
    'a precision that there is not',
    ['device', 'precision'],
    'fp8',
    /^\$\.device\.precision: found "fp8"; allowed: one of float32, tf32, bf16/,
  ],
  [
    'a preset of another dataset',
    ['dataset', 'preset'],
    'paper',
    /^\$\.dataset\.preset: found "paper"; allowed for digits: correct/,
  ],
  [
    'a split larger than the dataset',
    ['dataset', 'split', 'train'],
    3841,
    /^\$\.dataset\.split: .*at most 4000/,
  ],
  [
    'a test set larger than there is',
    ['dataset', 'split', 'test'],
    1001,
    /^\$\.dataset\.split\.test: found 1001; allowed: at most 1000/,
  ],
  [
    'an explainer as a student',
    ['sweep', 'students', 0, 'name'],
    'hme_ltb',
    /^\$\.sweep\.students\[0\]\.name: found "hme_ltb"/,
  ],
  [
    'a plain model as an explainer',
    ['explain', 'model'],
    { name: 'resnet8' },
    /^\$\.explain\.model\.name: found "resnet8"; allowed: hme_ltb/,
  ],
  [
    'a width of a plain model',
    ['sweep', 'students', 0, 'width'],
    8,
    /^\$\.sweep\.students\[0\]\.width: resnet8 takes none/,
  ],
  [
    'a teacher nobody trains',
    ['sweep', 'methods', 1, 'teacher'],
    'wrn',
    /^\$\.sweep\.methods\[1\]\.teacher: found "wrn"; allowed: resnet14/,
  ],
  ['distillation without teachers', ['teachers'], [], /^\$\.explain: needs a teacher/],
  [
    'two methods of one name',
    ['sweep', 'methods', 1, 'id'],
    'CE',
    /^\$\.sweep\.methods\[1\]: found "CE" twice/,
  ],
  [
    'a temperature where none is used',
    ['sweep', 'methods', 0, 'distillers', 0, 'temperature'],
    4,
    /^\$\.sweep\.methods\[0\]\.distillers\[0\]\.temperature: unknown field/,
  ],
  [
    'a distiller that there is not',
    ['sweep', 'methods', 1, 'distillers', 1, 'name'],
    'hint',
    /^\$\.sweep\.methods\[1\]\.distillers\[1\]\.name: found "hint"; allowed: one of ce, ls, kd, fitnet, at, sp, crd, dkd, .*$/,
  ],
  [
    'a hint at a layer that the student does not have',
    ['sweep', 'methods', 1, 'distillers', 1],
    { name: 'fitnet', layer: 4 },
    /^\$\.sweep\.methods\[1\]\.distillers\[1\]: found "fitnet" for resnet8 under resnet14: the student has no map f4; allowed: 0 … 3/,
  ],
  [
    'two methods that train before the training',
    ['sweep', 'methods', 1, 'distillers'],
    [{ name: 'ce' }, { name: 'ab' }, { name: 'ft' }],
    /^\$\.sweep\.methods\[1\]\.distillers\[2\]: found "ft" beside "ab"; allowed: one method that trains before the training$/,
  ],
  [
    'an explainer schedule for a student',
    ['sweep', 'train', 'schedule'],
    'explainer-hard',
    /^\$\.sweep\.train\.schedule: found "explainer-hard"/,
  ],
  [
    'sgd for the soft stage',
    ['explain', 'stage1', 'optimizer'],
    { name: 'sgd' },
    /^\$\.explain\.stage1\.optimizer\.name: found "sgd"; allowed: adam/,
  ],
  [
    'a DOT whose momentum is none',
    ['sweep', 'train'],
    sgd({ dot: 0.2 }),
    /^\$\.sweep\.train\.optimizer\.dot: found 0\.2 at momentum 0\.9; allowed: below 0\.1$/,
  ],
  [
    'a DOT that looks ahead',
    ['sweep', 'train'],
    sgd({ dot: 0.075, nesterov: true }),
    /^\$\.sweep\.train\.optimizer\.nesterov: found true beside "dot"; allowed: one of them$/,
  ],
  [
    'a baseline that is no method',
    ['report', 'baseline'],
    'DKD',
    /^\$\.report\.baseline: found "DKD"; allowed: CE, KD, KD\+VAM/,
  ],
  [
    'fewer data seeds than initial ones',
    ['seeds', 'data'],
    [1, 2],
    /^\$\.seeds\.data: found 2 seeds; allowed: 3, one for each of \$\.seeds\.init, or one for all/,
  ],
  [
    'more data seeds than initial ones',
    ['seeds', 'init'],
    [1],
    /^\$\.seeds\.data: found 3 seeds; allowed: 1/,
  ],
  [
    'the schedule of the hard stage for the soft one',
    ['explain', 'stage1', 'schedule'],
    'explainer-hard',
    /^\$\.explain\.stage1\.schedule: found "explainer-hard"; allowed: explainer-soft, step, cosine, constant/,
  ],
  [
    'the schedule of the soft stage for the hard one',
    ['explain', 'stage2', 'schedule'],
    'explainer-soft',
    /^\$\.explain\.stage2\.schedule: found "explainer-soft"; allowed: explainer-hard, step, cosine, constant/,
  ],
  [
    'more explanation seeds than pairs',
    ['explain', 'seeds'],
    4,
    /^\$\.explain\.seeds: found 4; allowed: at most 3/,
  ],
];

for (const [what, path, value, message] of refusals) {
  test(`${what} is refused by its place`, (t) => {
    t.regex(refusal(path, value), message);
  });
}

test('a method says which of its terms answers for the student, and how often it sees an image', (t) => {
  const methodOf = (name: string) => {
    const method = { id: 'X', distillers: [{ name }] };
    const resolution = resolveStudy(digitsWith(['sweep', 'methods', 1], method));
    return resolution.ok ? resolution.study.sweep?.methods[1] : undefined;
  };
  t.like(methodOf('simkd'), { answers: 'simkd', reads: 'features' });
  t.false('answers' in (methodOf('fitnet') ?? { answers: '' }));
  t.like(methodOf('mlkd'), { reads: 'features', views: 2 });
  t.false('views' in (methodOf('kd') ?? { views: 1 }));
});

test('each kind of device has precisions of its own', (t) => {
  const precisions = ['float32', 'tf32', 'bf16'];
  const allowed = (kind: string): string[] =>
    precisions.filter((precision) => refusal(['device'], { kind, precision }) === 'accepted');
  t.deepEqual(allowed('cpu'), ['float32', 'bf16']);
  t.deepEqual(allowed('cuda'), precisions);
});

test('cached logits beyond the limit are refused with their size, before anything runs', (t) => {
  const study = (limits: object): unknown => ({
    ...(JSON.parse(digitsText) as object),
    ...{ teacher: { cache: 'logits' }, limits },
  });
  t.true(resolveStudy(study({})).ok);
  const resolution = resolveStudy(study({ cacheGigabytes: 1e-4 }));
  t.regex(
    resolution.ok ? 'accepted' : problemsText(resolution.problems),
    /^\$\.teacher\.cache: found "logits": 6 teach legs would store 0\.000768 GB; allowed: at most 0\.0001 GB/,
  );
});

test('an objective that an explainer’s heads cannot have is refused', (t) => {
  const { explain } = JSON.parse(digitsText) as { readonly explain: object };
  const asked = (objective: string) => ({ ...explain, model: { name: 'hme_paper' }, objective });
  t.regex(
    refusal(['explain'], asked('joint-max2')),
    /\$\.explain\.objective: found "joint-max2" for hme_paper, .*allowed: joint, binary$/,
  );
  t.true(resolveStudy(digitsWith(['explain'], asked('binary'))).ok);
});

test('what is no study at all is refused', (t) => {
  t.false(resolveStudy(null).ok);
  t.false(resolveStudy('digits').ok);
});

test('the published JSON Schema is that of the code', (t) => {
  const published: unknown = JSON.parse(
    readFileSync(new URL('study.schema.json', STUDIES), 'utf8'),
  );
  t.deepEqual(published, JSON.parse(JSON.stringify(studyJsonSchema())));
});
