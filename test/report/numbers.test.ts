import test from 'ava';
import type { ReportInput } from '../../report/input.ts';
import {
  all,
  cellOf,
  drawFixture,
  rowsOf,
  seeds,
  textOf,
  type DrawnReport,
} from './page/document.ts';

/*
 * Every number of the tables, computed again from the input by other means than the report's: sums
 * written out, and Student's distribution with two degrees of freedom in its closed form.
 */

const MINUS = '\u2212';
const signed = (value: number, decimals: number): string => {
  const text = Math.abs(value).toFixed(decimals);
  if (Number(text) === 0) return text;
  return `${value < 0 ? MINUS : '+'}${text}`;
};

function meanAndSd(values: readonly number[]): { mean: number; sd: number } {
  let [sum, squares] = [0, 0];
  for (const value of values) sum += value;
  const mean = sum / values.length;
  for (const value of values) squares += (value - mean) * (value - mean);
  return { mean, sd: Math.sqrt(squares / (values.length - 1)) };
}

const METHODS = ['CE', 'KD', 'KD+VAM'] as const;
const SEEDS = [1029, 1030, 1031] as const;
const label = (method: string): string => (method === 'KD+VAM' ? 'KD+VAM†' : method);

function metricOf(input: ReportInput, id: string, metric: string): number {
  const value = input.trials.find((trial) => trial.id === id)?.result?.metrics[metric];
  if (value === undefined) throw new Error(`${id} has no ${metric}`);
  return value;
}

function studentValues({ input }: DrawnReport, method: string, metric: string): number[] {
  return SEEDS.map((seed) => metricOf(input, `sweep/resnet8/${method}/s${seed}`, metric));
}

test('students: mean and sample standard deviation of every column', (t) => {
  const report = drawFixture();
  const columns = [
    ['last epoch, %', 'test.top1.last', 2, ''],
    ['best on test, %', 'test.top1.best', 2, ''],
    ['by validation, %', 'test.top1.selected', 2, ''],
    ['NLL, nats', 'test.nll', 3, '/evaluation'],
    ['ECE, %', 'test.ece', 2, '/evaluation'],
    ['agrees with teacher, %', 'teacher.agreement', 1, '/evaluation'],
  ] as const;
  for (const method of METHODS) {
    for (const [column, metric, decimals, of] of columns) {
      const values = SEEDS.map((seed) =>
        metricOf(report.input, `sweep/resnet8/${method}/s${seed}${of}`, metric),
      );
      const { mean, sd } = meanAndSd(values);
      t.is(
        textOf(cellOf(report.page, 'sweep', label(method), column)),
        `${mean.toFixed(decimals)} ± ${sd.toFixed(decimals)}`,
        `${method}, ${column}`,
      );
    }
  }
});

test('the headline is the last epoch of the log; the best is its maximum and marked optimistic', (t) => {
  const { input, page } = drawFixture();
  for (const method of METHODS) {
    const logs = SEEDS.map((seed) => {
      const id = `sweep/resnet8/${method}/s${seed}`;
      return (input.trials.find((trial) => trial.id === id)?.epochs ?? []).map(
        ({ test }) => test.top1,
      );
    });
    const last = meanAndSd(logs.map((log) => log.at(-1) ?? Number.NaN)).mean;
    const best = meanAndSd(logs.map((log) => Math.max(...log))).mean;
    const [lastCell, bestCell] = ['last epoch, %', 'best on test, %'].map((column) =>
      cellOf(page, 'sweep', label(method), column),
    );
    t.true(textOf(lastCell ?? null).startsWith(`${last.toFixed(2)} ±`));
    t.true(textOf(bestCell ?? null).startsWith(`${best.toFixed(2)} ±`));
    t.truthy(lastCell?.querySelector('.headline'));
    t.falsy(lastCell?.querySelector('.optimistic'));
    t.truthy(bestCell?.querySelector('.optimistic'));
  }
  t.true(textOf(page).includes('Best on test is optimistic'));
});

/** Student's t with two degrees of freedom has a closed form, and so has its inverse. */
const pOfTwo = (statistic: number): number => 1 - statistic / Math.sqrt(2 + statistic * statistic);
const quantileOfTwo = (p: number): number => (2 * p - 1) / Math.sqrt(2 * p * (1 - p));

const pText = (p: number): string => {
  if (p < 0.001) return '< 0.001';
  return p.toFixed(p < 0.1 ? 3 : 2);
};

function flips(differences: readonly number[]): number {
  const [a = 0, b = 0, c = 0] = differences;
  const sums = [a + b + c, a + b - c, a - b + c, -a + b + c].map(Math.abs);
  return (2 * sums.filter((sum) => sum >= (sums[0] ?? 0) - 1e-9).length) / 8;
}

/** Whether Holm rejects hypothesis `i` at 5 %, step by step as he wrote it. */
function rejects(pValues: readonly number[], i: number): boolean {
  const order = pValues.map((p, at) => ({ p, at })).sort((a, b) => a.p - b.p);
  for (const [step, { p, at }] of order.entries()) {
    if (p > 0.05 / (order.length - step)) return false;
    if (at === i) return true;
  }
  return false;
}

/** The level that `i` has to reach: of 5 %, its halves and its thirds the largest that is rejected. */
const levelOf = (pValues: readonly number[], i: number): number =>
  [0.05, 0.05 / 2, 0.05 / 3].find((level) =>
    rejects(
      pValues.map((p, at) => (at === i ? level : p)),
      i,
    ),
  ) ?? Number.NaN;

test('differences: paired by seed, t interval, Holm, sign flips, smallest effect', (t) => {
  const report = drawFixture();
  const pairs = [
    ['KD', 'CE'],
    ['KD+VAM', 'CE'],
    ['KD+VAM', 'KD'],
  ] as const;
  const family = pairs.map(([method, against]) => {
    const [values, base] = [method, against].map((id) =>
      studentValues(report, id, 'test.top1.last'),
    );
    const differences = (values ?? []).map((value, i) => value - (base?.[i] ?? Number.NaN));
    const { mean, sd } = meanAndSd(differences);
    const error = sd / Math.sqrt(3);
    return { method, against, differences, mean, error, p: pOfTwo(Math.abs(mean) / error) };
  });
  const pValues = family.map(({ p }) => p);
  const sorted = pValues.toSorted((a, b) => a - b);
  const rows = rowsOf(report.page, 'differences');
  t.is(rows.length, 3);
  family.forEach(({ method, against, differences, mean, error, p }, i) => {
    const half = quantileOfTwo(0.975) * error;
    const steps = sorted.slice(0, sorted.indexOf(p) + 1).map((value, rank) => value * (3 - rank));
    const detectable = (quantileOfTwo(1 - levelOf(pValues, i) / 2) + quantileOfTwo(0.8)) * error;
    t.deepEqual(rows[i], [
      `${label(method)} ${MINUS} ${against}`,
      '3',
      signed(mean, 2),
      `${signed(mean - half, 2)} … ${signed(mean + half, 2)}`,
      pText(Math.min(1, Math.max(...steps))),
      pText(flips(differences)),
      detectable.toFixed(2),
    ]);
  });
  const notes = textOf(report.page.querySelector('.table:has(#differences) .notes'));
  t.true(notes.includes('Holm’s adjustment for three comparisons'));
  t.true(notes.includes('cannot go below p = 0.25'));
});

test('explainers: entropies, used experts, conflicts and accuracies, arm by arm', (t) => {
  const { input, page } = drawFixture({}, seeds(3));
  const arms = { 'hard-label': 'Hard labels', 'label-smoothing': 'Label smoothing' } as const;
  for (const [arm, column] of Object.entries({ ...arms, distillation: 'Distillation' })) {
    const told = input.trials.flatMap(({ id, explanation }) =>
      id.startsWith(`explain/${arm}/`) && explanation !== undefined ? [explanation] : [],
    );
    t.is(told.length, 3);
    const cell = (row: string): string => textOf(cellOf(page, 'arms', row, column));
    const expected = (values: readonly number[], decimals: number): string => {
      const { mean, sd } = meanAndSd(values);
      return `${mean.toFixed(decimals)} ± ${sd.toFixed(decimals)}`;
    };
    t.is(
      cell('Accuracy of the hard tree, %'),
      expected(
        told.map(({ hard }) => hard.top1),
        2,
      ),
    );
    t.is(
      cell('Accuracy with soft gates, %'),
      expected(
        told.map(({ soft }) => soft.top1),
        2,
      ),
    );
    const entropies = told.map(({ gates }) => gates.map(({ entropy }) => entropy.intrinsic.mean));
    t.is(
      cell('Gate entropy†, mean of levels'),
      expected(
        entropies.map(([a = 0, b = 0, c = 0]) => (a + b + c) / 3),
        3,
      ),
    );
    t.is(
      cell('· level 1 → 2'),
      expected(
        entropies.map(([first = 0]) => first),
        3,
      ),
    );
    t.is(
      cell('· level 3 → classes'),
      expected(
        entropies.map(([, , third = 0]) => third),
        3,
      ),
    );
    t.is(
      cell('Experts used, level 3'),
      told.map(({ tree }) => `${tree.live.find(({ level }) => level === 3)?.live}/8`).join(', '),
    );
    t.is(
      cell('Conflict rate†, soft gates, level 1, %'),
      expected(
        told.map(({ conflict }) => 100 * (conflict?.soft[0]?.rate ?? Number.NaN)),
        1,
      ),
    );
    t.is(
      cell('Conflict rate†, tree, level 3, %'),
      expected(
        told.map(({ conflict }) => 100 * (conflict?.hard[2]?.rate ?? Number.NaN)),
        1,
      ),
    );
  }
});

test('entropy differences are distillation minus each other arm, seed by seed', (t) => {
  const { input, page } = drawFixture({}, seeds(3));
  const entropy = (arm: string): number[] =>
    input.trials.flatMap(({ id, explanation }) =>
      id.startsWith(`explain/${arm}/`) && explanation !== undefined
        ? [explanation.gates.reduce((sum, gate) => sum + gate.entropy.intrinsic.mean, 0) / 3]
        : [],
    );
  const distilled = entropy('distillation');
  const rows = rowsOf(page, 'entropy-differences');
  ['hard-label', 'label-smoothing'].forEach((arm, i) => {
    const other = entropy(arm);
    const { mean } = meanAndSd(distilled.map((value, j) => value - (other[j] ?? Number.NaN)));
    t.is(rows[i]?.[2], signed(mean, 3));
  });
});

test('the leaves of a tree carry the accuracy of their class', (t) => {
  const { input, page } = drawFixture();
  for (const arm of ['hard-label', 'label-smoothing', 'distillation']) {
    const trial = input.trials.find(({ id }) => id === `explain/${arm}/s1029/explanation`);
    const leaves = all(page, `svg.tree.${arm} .leaf`);
    t.is(leaves.length, 10);
    for (const leaf of leaves) {
      const index = Number(leaf.getAttribute('data-class'));
      const scored = trial?.explanation?.hard.perClass.find((entry) => entry.class === index);
      const accuracy = (100 * (scored?.correct ?? 0)) / (scored?.images ?? 1);
      t.is(textOf(leaf.querySelector('.name')), String(index));
      t.is(Number(textOf(leaf.querySelector('.score'))).toFixed(1), accuracy.toFixed(1));
    }
  }
});

test('the teacher’s row is its evaluation', (t) => {
  const { input, page } = drawFixture();
  const scores = input.trials.find(({ id }) => id === 'teacher/resnet14/evaluation')?.evaluation;
  t.deepEqual(rowsOf(page, 'teachers')[0]?.slice(0, 3), [
    'resnet14',
    scores?.top1.toFixed(2),
    scores?.top5.toFixed(2),
  ]);
});

test('cost: trials, attempts and seconds add up to the total', (t) => {
  const { input, page } = drawFixture();
  const rows = rowsOf(page, 'cost');
  const [total] = rows.slice(-1);
  t.is(total?.[0], 'Together');
  t.is(total?.[1], String(input.trials.length));
  const counted = rows.slice(0, -1).reduce((sum, row) => sum + Number(row[1]), 0);
  t.is(counted, input.trials.length, 'every trial is in one row');
  const minutes = input.trials
    .flatMap(({ runs }) => runs)
    .reduce((sum, { seconds }) => sum + seconds / 60, 0);
  t.is(total?.[3], `${minutes.toFixed(1)} min`);
});
