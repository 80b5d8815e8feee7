import test, { type ExecutionContext } from 'ava';
import type { StudyInput } from '../../../study/schema.ts';
import {
  cellOf,
  draw,
  drawFixture,
  rowsOf,
  seeds,
  textOf,
  type DrawnReport,
} from '../page/document.ts';
import { reportFixture, studyLike } from '../../fixtures/report/input.ts';

const VEHICLES = new Set([0, 1, 8, 9]);

const onPhotographs = (study: StudyInput): void => {
  seeds(3)(study);
  study.dataset = { name: 'cifar10' };
};

/** The adjusted Rand index by its other definition, over pairs of things. */
function randIndex(a: readonly unknown[], b: readonly unknown[]): number {
  let [both, onlyA, onlyB, neither] = [0, 0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    for (let j = 0; j < i; j += 1) {
      const [inA, inB] = [a[i] === a[j], b[i] === b[j]];
      if (inA && inB) both += 1;
      else if (inA) onlyA += 1;
      else if (inB) onlyB += 1;
      else neither += 1;
    }
  }
  const below = (both + onlyA) * (onlyA + neither) + (both + onlyB) * (onlyB + neither);
  return below === 0 ? 1 : (2 * (both * neither - onlyA * onlyB)) / below;
}

/** The experts of a level, class by class, of every seed of an arm. */
function partitionsOf({ input }: DrawnReport, arm: string, level: number): number[][] {
  return input.trials
    .filter(({ id }) => id.startsWith(`explain/${arm}/`))
    .flatMap(({ explanation }) => explanation ?? [])
    .map(({ tree }) => tree.paths.map(({ experts }) => experts[level - 1] ?? -1));
}

/** To the two decimals that a table shows. */
function near(t: ExecutionContext, shown: number, wanted: number): void {
  t.true(Math.abs(shown - wanted) < 0.005 + 1e-9, `${shown}; wanted: ${wanted}`);
}

test('each level’s partition is compared between seeds, and with the dataset’s groups', (t) => {
  const report = drawFixture({}, onPhotographs);
  for (const level of [1, 2, 3]) {
    const partitions = partitionsOf(report, 'distillation', level);
    t.is(partitions.length, 3);
    const [a = [], b = [], c = []] = partitions;
    const stability = (randIndex(a, b) + randIndex(a, c) + randIndex(b, c)) / 3;
    const cell = (row: string): number => {
      const text = textOf(cellOf(report.page, 'partitions', row, 'Distillation'));
      return Number.parseFloat(text.replace('−', '-'));
    };
    near(t, cell(`ARI between seeds, level ${level}`), stability);
    const named = a.map((_, label) => VEHICLES.has(label));
    const mean = partitions.reduce((sum, part) => sum + randIndex(part, named), 0) / 3;
    near(t, cell(`ARI with superclasses, level ${level}`), mean);
  }
});

test('a dataset without groups has none in the table, and one seed has no stability', (t) => {
  const report = draw(reportFixture(studyLike()));
  const rows = rowsOf(report.page, 'partitions');
  t.deepEqual(
    rows.map(([head]) => head),
    [1, 2, 3].map((level) => `ARI between seeds, level ${level}`),
  );
  for (const [, ...cells] of rows) for (const cell of cells) t.is(cell, '–');
});
