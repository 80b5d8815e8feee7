/** Published accuracies beside ours: which stand there, and what marks them. */
import { readFileSync } from 'node:fs';

import test from 'ava';

import { fixed } from '../../../report/format.ts';
import { PAIRS, PUBLISHED_METHODS, SOURCES } from '../../../report/published.ts';
import { marksOf, publishedTable } from '../../../report/tables/published.ts';
import { arrangeTrials } from '../../../report/trials.ts';
import { trainOf } from '../../../study/plan/exceptions.ts';
import { problemsText, resolveStudy } from '../../../study/resolve.ts';
import type { Study } from '../../../study/schema.ts';
import { reportFixture } from '../../fixtures/report/input.ts';

type Changes = Readonly<Record<string, unknown>>;

/** The benchmark of one pair, with one seed; fields as a test asks for them. */
function benchmark(pair = 'resnet56-resnet20', changes: Changes = {}): Study {
  const file = new URL(`../../../studies/benchmark-cifar100/${pair}.json`, import.meta.url);
  const study = JSON.parse(readFileSync(file, 'utf8')) as object;
  const seeds = { init: [1029], data: [1029] };
  const resolution = resolveStudy({ ...study, seeds, ...changes });
  if (!resolution.ok) throw new Error(problemsText(resolution.problems));
  return resolution.study;
}

/** Rows by method: published, where it is from, and what it was made otherwise by. */
function rowsOf(study: Study): readonly (readonly string[])[] {
  const { groups } = arrangeTrials(reportFixture(study));
  const text = (part: unknown): string =>
    typeof part === 'string' ? part : (part as { text: string }).text;
  return publishedTable(study, groups).rows.map(({ head, cells }) => [
    head.map(text).join(''),
    ...cells.slice(2).map((cell) => cell.map(text).join('')),
  ]);
}
const rowOf = (study: Study, method: string) => rowsOf(study).find(([name]) => name === method);

test('every published row has a number or none for each pair, and a place with a protocol', (t) => {
  for (const { method, source, top1 } of PUBLISHED_METHODS) {
    t.is(top1.length, PAIRS.length, method);
    t.true(source in SOURCES);
    for (const value of top1) t.true(value === null || (value > 55 && value < 80), method);
  }
});

test('what was made as here stands unmarked, what was made otherwise says by what', (t) => {
  const study = benchmark();
  t.deepEqual(rowOf(study, 'CE'), ['CE', '69.06', 'RepDistiller', 'nothing that is known']);
  t.deepEqual(rowOf(study, 'KD'), ['KD', '70.66', 'RepDistiller', 'nothing that is known']);
  t.deepEqual(rowOf(study, 'DKD'), ['DKD', '71.97*', 'mdistiller', 'best on test']);
  t.deepEqual(rowOf(study, 'FT'), ['FT', '69.84', 'RepDistiller', 'nothing that is known']);
  t.deepEqual(rowOf(study, 'TTM'), ['TTM', '71.83*', 'TTM', 'epoch unknown']);
  t.deepEqual(rowOf(study, 'ReviewKD'), [
    ...['ReviewKD', '71.89*', 'ReviewKD, by KD++'],
    'best on test, CIFAR-10’s normalisation',
  ]);
  t.deepEqual(rowOf(study, 'DKD+LSKD')?.slice(0, 2), ['DKD+LSKD', '72.32*']);
  t.regex(rowOf(study, 'MLKD')?.[3] ?? '', /480 epochs/);
  t.is(rowOf(study, 'KD+DOT'), undefined, 'no number is published for this pair');
  const light = benchmark('resnet32x4-shufflenetv2');
  t.deepEqual(rowOf(light, 'KD'), ['KD', '74.45', 'RepDistiller', 'nothing that is known']);
  t.deepEqual(rowOf(light, 'KD+DOT'), ['KD+DOT', '75.55*', 'mdistiller', 'best on test']);
});

const KD = { id: 'KD', distillers: [{ name: 'ce', weight: 0.1 }, { name: 'kd' }] };
/** The benchmark of KD alone. */
const alone = (train: Changes, changes: Changes = {}): Study => {
  const sweep = { students: [{ name: 'resnet20' }], methods: [KD], train };
  return benchmark(undefined, { sweep, report: {}, ...changes });
};
const withSplit = (split: Changes): Study => alone({}, { dataset: { name: 'cifar100', split } });
const changed: readonly (readonly [what: string, Study, mark: string])[] = [
  ['length', alone({ epochs: 24 }), '240 epochs'],
  ['batch', alone({ batch: 32 }), 'batch 64'],
  ['rate', alone({ optimizer: { learningRate: 0.2 } }), 'rate 0.05'],
  ['Nesterov', alone({ optimizer: { nesterov: true } }), 'no Nesterov'],
  ['momentum', alone({ optimizer: { momentum: 0.8 } }), 'momentum 0.9'],
  ['decay', alone({ optimizer: { weightDecay: 0 } }), 'weight decay 0.0005'],
  ['schedule', alone({ milestones: [100, 200] }), 'another schedule'],
  ['flips', alone({ augment: { flip: false } }), 'crops by 4 pixels and flips'],
  ['images', withSplit({ train: 9000 }), `${fixed(50_000, 0)} images`],
  ['validation', withSplit({ validation: 5000 }), `${fixed(50_000, 0)} images`],
  ['test images', withSplit({ test: 500 }), `${fixed(10_000, 0)} test images`],
  ['precision', alone({}, { device: { kind: 'cuda', precision: 'tf32' } }), 'float32'],
];
for (const [what, study, mark] of changed) {
  test(`another ${what} than the published one marks every number`, (t) => {
    const { sweep } = study;
    if (sweep === undefined) return t.fail();
    const [student] = sweep.students;
    const kd = sweep.methods.find(({ id }) => id === 'KD');
    if (student === undefined || kd === undefined) return t.fail();
    const train = trainOf(sweep, { student, method: kd });
    t.deepEqual(marksOf(study, student.name, train, { source: 'RepDistiller' }), [mark]);
    for (const source of Object.keys(SOURCES) as (keyof typeof SOURCES)[]) {
      t.true(marksOf(study, student.name, train, { source }).length > 0, source);
    }
  });
}

test('a number of another epoch than the last never stands unmarked', (t) => {
  for (const pair of ['resnet56-resnet20', 'resnet32x4-resnet8x4', 'vgg13-mobilenetv2']) {
    const rows = rowsOf(benchmark(pair));
    t.true(rows.length > 15);
    for (const [method = '', published = '', by = ''] of rows) {
      const isLast = by === 'RepDistiller';
      t.is(published.endsWith('*'), !isLast, `${pair} ${method} ${by}`);
    }
  }
});

test('a method with VAM has no published number, and other data have none', (t) => {
  const methods = [KD, { ...KD, id: 'KD+VAM', vam: {} }];
  const sweep = { students: [{ name: 'resnet20' }], methods };
  const named = (name: string) =>
    rowsOf(benchmark(undefined, { dataset: { name }, sweep, report: {} }));
  t.deepEqual(
    named('cifar100').map(([method]) => method),
    ['KD'],
  );
  t.deepEqual(named('cifar10'), []);
});
