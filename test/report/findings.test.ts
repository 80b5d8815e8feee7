import test from 'ava';
import { reportFixture, studyLike } from '../fixtures/report/input.ts';
import {
  all,
  changeTrials,
  draw,
  drawFixture,
  rowsOf,
  seeds,
  textOf,
  withStudentAccuracy,
  type DrawnReport,
} from './page/document.ts';

const VERDICT = /too few for a verdict/;

const findings = ({ page }: DrawnReport): string =>
  all(page, '#findings li').map(textOf).join('\n');

test('one seed describes and does not judge: the headline says so', (t) => {
  const report = drawFixture();
  const title = textOf(report.page.querySelector('h1'));
  t.regex(title, /^Gates are sharper with distillation than with hard labels/);
  t.regex(title, /seen in one seed: too few for a verdict$/);
  t.regex(findings(report), /rest on one to three seeds\. They describe these runs; a verdict/);
  t.deepEqual(rowsOf(report.page, 'entropy-differences')[0]?.slice(0, 2), [
    'Distillation − hard labels',
    '1',
  ]);
  t.is(all(report.page, '#entropy-differences thead th').length, 3, 'no test of a single pair');
});

test('ten seeds that agree carry a verdict, and no caution', (t) => {
  const report = drawFixture({}, seeds(10));
  const title = textOf(report.page.querySelector('h1'));
  t.is(title, 'Gates are sharper with distillation than with hard labels');
  t.regex(findings(report), /a difference, Holm-adjusted p/);
  t.notRegex(textOf(report.page), VERDICT);
});

test('gates that do not differ are said to be as sharp', (t) => {
  const input = reportFixture(studyLike());
  const told = input.trials.find(({ explanation }) => explanation !== undefined)?.explanation;
  const report = draw(
    changeTrials(input, (trial) =>
      trial.explanation === undefined || told === undefined
        ? trial
        : { ...trial, explanation: told },
    ),
  );
  t.regex(
    textOf(report.page.querySelector('h1')),
    /^Gates are as sharp with distillation as with hard labels/,
  );
  t.regex(findings(report), /a difference of 0\.000, next to none/);
});

test('softer gates are said to go against the claim', (t) => {
  const input = reportFixture(studyLike());
  const swapped = new Map(input.trials.map(({ id, explanation }) => [id, explanation] as const));
  const names = { 'hard-label': 'distillation', distillation: 'hard-label' } as const;
  const report = draw(
    changeTrials(input, (trial) => {
      const arm = (['hard-label', 'distillation'] as const).find((name) => trial.id.includes(name));
      const explanation =
        arm === undefined ? undefined : swapped.get(trial.id.replace(arm, names[arm]));
      return explanation === undefined ? trial : { ...trial, explanation };
    }),
  );
  t.regex(textOf(report.page.querySelector('h1')), /^Gates are softer/);
  t.regex(findings(report), /against the direction of the paper’s claim/);
});

test('an interval that holds zero shows no difference, and is said to', (t) => {
  const steps: Readonly<Record<string, number>> = { 1029: 0.4, 1030: -0.5, 1031: 0.2 };
  const report = draw(
    withStudentAccuracy(reportFixture(studyLike()), (id) => {
      const seed = id.slice(-4);
      return 95 + (id.includes('/KD/') ? (steps[seed] ?? 0) : 0);
    }),
  );
  t.regex(
    findings(report),
    /KD against CE: \+0\.03 points of test accuracy \(95 % interval −1\.\d+ … \+1\.\d+: it holds zero, so no difference is shown\)/,
  );
});

test('with ten seeds a null result names the effect that would have been found', (t) => {
  const input = reportFixture(studyLike(seeds(10)));
  const report = draw(
    withStudentAccuracy(input, (id) => {
      const seed = Number(id.slice(-4));
      return 95 + (id.includes('/KD/') ? (seed % 2 === 0 ? 0.3 : -0.3) : 0);
    }),
  );
  t.regex(
    findings(report),
    /KD against CE: 0\.00 points .*no difference found; one of 0\.\d+ would/,
  );
});

const headline = ({ page }: DrawnReport): string => textOf(page.querySelector('h1'));

test('a study of students leads with what it was made for: what VAM adds to the same method', (t) => {
  const report = drawFixture({}, (study) => {
    delete study.explain;
  });
  t.regex(
    headline(report),
    /^KD\+VAM† ended \d\.\d\d points (above|below) KD .*too few for a verdict$/,
  );
  t.regex(findings(report), /KD\+VAM† against KD: [+−]\d/);
  t.falsy(report.page.querySelector('#trees'));
});

test('a study that names its comparisons leads with the first, and shows no others', (t) => {
  const report = drawFixture({}, (study) => {
    delete study.explain;
    study.report = { comparisons: [{ method: 'KD', against: 'KD+VAM' }] };
  });
  t.regex(headline(report), /^KD ended \d\.\d\d points (above|below) KD\+VAM†/);
  t.deepEqual(
    rowsOf(report.page, 'differences').map(([name]) => name),
    ['KD − KD+VAM†'],
  );
});

test('of many methods the headline says the range, not the best', (t) => {
  const study = studyLike((input) => {
    delete input.explain;
    input.sweep?.methods.splice(2, 1, { id: 'LS', distillers: [{ name: 'ls', weight: 1 }] });
  });
  const accuracy: Readonly<Record<string, number>> = { CE: 95, KD: 95.5, LS: 94.8 };
  const report = draw(
    withStudentAccuracy(reportFixture(study), (id) => accuracy[id.split('/')[2] ?? ''] ?? 0),
  );
  t.is(
    headline(report),
    'Two students ended between 0.20 points below and 0.50 points above CE seen in three seeds: too few for a verdict',
  );
});

test('without a distilled arm, label smoothing is compared, and no claim of the paper is weighed', (t) => {
  const report = drawFixture({}, (study) => {
    if (study.explain !== undefined) study.explain.arms = ['hard-label', 'label-smoothing'];
  });
  t.regex(
    headline(report),
    /^Gates are \S+( sharp)? with label smoothing (than|as) with hard labels/,
  );
  t.notRegex(findings(report), /paper’s claim/);
});

test('a study of which nothing has run says so and draws no empty table', (t) => {
  const input = reportFixture(studyLike());
  const report = draw(changeTrials(input, ({ id }) => ({ id, state: 'open', runs: [] })));
  t.is(textOf(report.page.querySelector('h1')), 'Nothing has been measured yet');
  t.notRegex(report.html, /NaN|undefined|Infinity/);
  t.regex(findings(report), /Of 29 trials, 29 not run yet/);
});

test('a hard tree that guesses is said to have learned nothing', (t) => {
  const input = reportFixture(studyLike());
  t.notRegex(findings(draw(input)), /have not learned/);
  const report = draw(
    changeTrials(input, (trial) => {
      if (!trial.id.includes('label-smoothing') || trial.explanation === undefined) return trial;
      const hard = { ...trial.explanation.hard, top1: 13.1 };
      return { ...trial, explanation: { ...trial.explanation, hard } };
    }),
  );
  t.regex(
    findings(report),
    /Hard trees that have not learned, being hardly better than chance: label smoothing\./,
  );
});
