import test from 'ava';
import fc from 'fast-check';
import { gatherFixture, reportFixture, studyLike } from '../fixtures/report/input.ts';
import type { ReportInput, ReportTrial, ReportState } from '../../report/input.ts';
import type { StudyInput } from '../../study/schema.ts';
import { all, changeTrials, draw, textOf, type DrawnReport } from './page/document.ts';

/*
 * Studies of every shape, with trials that end in every way: whatever a report is drawn of, its
 * sentences hold.
 */

type Shape = {
  readonly arms: readonly ('hard-label' | 'label-smoothing' | 'distillation')[];
  readonly methods: readonly number[];
  readonly students: readonly ('resnet8' | 'resnet14')[];
  readonly seeds: number;
  readonly test: number;
  readonly cached: boolean;
  readonly epochs: number;
};

const shapes = fc.record({
  arms: fc.subarray(['hard-label', 'label-smoothing', 'distillation'] as const),
  methods: fc.subarray([0, 1, 2]),
  students: fc.subarray(['resnet8', 'resnet14'] as const, { minLength: 1 }),
  seeds: fc.constantFrom(1, 2, 3, 10, 12),
  test: fc.integer({ min: 1, max: 40 }),
  cached: fc.boolean(),
  epochs: fc.constantFrom(1, 2, 4),
});

function shaped(study: StudyInput, shape: Shape): void {
  const values = Array.from({ length: shape.seeds }, (_, i) => 3000 + i);
  study.seeds = { init: values, data: values };
  study.dataset.split = { ...study.dataset.split, test: shape.test };
  study.teacher = { cache: shape.cached ? 'logits' : 'none' };
  study.report = {};
  if (shape.arms.length === 0) delete study.explain;
  if (study.explain !== undefined) {
    study.explain.arms = [...shape.arms];
    study.explain.seeds = Math.max(1, shape.seeds - 1);
    study.explain.stage1.epochs = shape.epochs;
  }
  if (shape.methods.length === 0 || study.sweep === undefined) delete study.sweep;
  else {
    const { methods } = study.sweep;
    study.sweep.methods = methods.filter((_, i) => shape.methods.includes(i));
    study.sweep.students = shape.students.map((name) => ({ name }));
    study.sweep.train.epochs = shape.epochs;
  }
}

const STATES: readonly ReportState[] = ['complete', 'diverged', 'failed', 'open'];

/** How trials end: all alike, or one way or another by a number each. */
const endings = fc.oneof(
  fc.constantFrom(...STATES).map((state) => (): ReportState => state),
  fc
    .infiniteStream(fc.constantFrom(...STATES, ...Array<ReportState>(6).fill('complete')))
    .map((stream) => (): ReportState => stream.next().value as ReportState),
);

function inputOf(shape: Shape, end: () => ReportState): ReportInput {
  const study = studyLike((input) => shaped(input, shape));
  const states = new Map(
    gatherFixture(study).map(({ node, result }) => {
      const state = end();
      const train = result?.spec.kind === 'train';
      return [node.id, state === 'diverged' && !train ? 'failed' : state] as const;
    }),
  );
  const ends = [...states].flatMap(([id, state]) =>
    state === 'diverged' || state === 'failed' ? [[id, state] as const] : [],
  );
  const input = reportFixture(study, Object.fromEntries(ends));
  return changeTrials(input, (trial): ReportTrial => {
    if (trial.failure !== undefined) {
      return { ...trial, failure: { code: 'HostMemory', message: 'killed' } };
    }
    return states.get(trial.id) === 'open' ? { id: trial.id, state: 'open', runs: [] } : trial;
  });
}

/** Everything that a reader takes for a sentence: not the cells of tables, not the ticks of axes. */
function sentences({ page }: DrawnReport): readonly string[] {
  const outside = all(page, 'h1, h2, p, li, figcaption, title, desc').map(textOf);
  const labels = all(page, 'thead th, tbody th').map(textOf);
  return [...outside, ...labels];
}

const WRONG: readonly (readonly [string, RegExp])[] = [
  ['no number', /NaN|undefined|Infinity|\[object/],
  ['a dash for a number', /(^|[\s(])–([\s.,;:)]|$)/],
  ['no seeds of something', /\bno (seeds|trials|pairs|comparisons|students|points)\b/i],
  ['one of a plural', /\b(one|1) (seeds|trials|pairs|images|test images|comparisons|students)\b/i],
  [
    'a plural of one',
    /\b(two|three|[2-9]|\d\d) (seed|trial|pair|test image|comparison|student)\b/i,
  ],
  ['an empty enumeration', /: ?\.|, \.|\( *\)|\s,|,,|;\s*\.|\.\.(?!\.)/],
  ['an empty word', /“”|''/],
];

function faultsOf(report: DrawnReport): readonly string[] {
  const texts = sentences(report);
  const empty = texts.filter((text) => text === '').map(() => 'an empty sentence or caption');
  const wrong = texts.flatMap((text) =>
    WRONG.flatMap(([what, pattern]) => (pattern.test(text) ? [`${what}: ${text}`] : [])),
  );
  const anywhere = /NaN|undefined|Infinity/.exec(report.html + report.markdown);
  return [...empty, ...wrong, ...(anywhere === null ? [] : [`${anywhere[0]} in the page`])];
}

test('whatever the study and however its trials ended, the sentences of its report hold', (t) => {
  const faults = new Set<string>();
  fc.assert(
    fc.property(shapes, endings, (shape, end) => {
      const report = draw(inputOf(shape, end));
      for (const fault of faultsOf(report)) faults.add(fault);
      for (const { name, text } of report.files) {
        if (/NaN|undefined|Infinity/.test(text)) faults.add(`${name} has no number`);
      }
    }),
    { numRuns: 60, seed: 1029 },
  );
  t.deepEqual([...faults], []);
});

test('classes without a test image are named, and have neither dot nor percentage', (t) => {
  const study = studyLike((input) => {
    input.dataset.split = { ...input.dataset.split, test: 3 };
  });
  const report = draw(reportFixture(study));
  const caption = textOf(report.page.querySelector('#classes figcaption'));
  t.regex(caption, /A class has 1 test image: one image moves a dot by 100\.0 points\./);
  t.regex(caption, /The test images have none of classes 3, 4, 5, 6, 7, 8 and 9\.$/);
  t.deepEqual(faultsOf(report), []);
  const leaf = all(report.page, 'svg.tree.distillation .leaf').find(
    (element) => element.getAttribute('data-class') === '7',
  );
  t.is(textOf(leaf?.querySelector('title') ?? null), '7: no test image');
  const dot = report.files.find(({ name }) => name === 'trees/distillation-s1029.dot');
  t.true(dot?.text.includes('7\\nno test image'));
});

test('when everything diverged the headline says so', (t) => {
  const whole = inputOf(
    {
      ...{ arms: [], methods: [0], students: ['resnet8'], seeds: 2 },
      test: 10,
      cached: false,
      epochs: 2,
    },
    () => 'diverged',
  );
  const report = draw(whole);
  t.is(textOf(report.page.querySelector('h1')), 'Nothing was measured: training diverged');
  t.deepEqual(faultsOf(report), []);
});
