import test from 'ava';
import { drawFixture, rowsOf, type DrawnReport } from '../page/document.ts';

const PRECISION = 'Precision of convolutions and products';

const precisionRows = ({ page }: DrawnReport): readonly (readonly string[])[] =>
  rowsOf(page, 'deviations').filter(([what]) => what === PRECISION);

for (const [precision, kind] of [
  ['bf16', 'cpu'],
  ['tf32', 'cuda'],
] as const) {
  test(`a study in ${precision} says that the published numbers are float32's`, (t) => {
    const report = drawFixture({}, (study) => {
      study.device = { kind, threads: 1, precision };
    });
    t.deepEqual(precisionRows(report), [[PRECISION, 'float32', precision]]);
  });
}

test('a study in float32 departs in nothing there', (t) => {
  t.deepEqual(precisionRows(drawFixture()), []);
});
