import test from 'ava';
import { all, cellOf, drawFixture, rowsOf, textOf } from './page/document.ts';

const DIVERGED = 'sweep/resnet8/KD/s1030';
const FAILED = 'sweep/resnet8/CE/s1031';
const lost = drawFixture({ [DIVERGED]: 'diverged', [FAILED]: 'failed' });

test('a diverged and a failed seed are counted: n = 2/3, and marked', (t) => {
  for (const method of ['KD', 'CE']) {
    const cell = cellOf(lost.page, 'sweep', method, 'n');
    t.is(textOf(cell), '2/3');
    t.truthy(cell.querySelector('.missing'));
  }
  const whole = cellOf(lost.page, 'sweep', 'KD+VAM†', 'n');
  t.is(textOf(whole), '3/3');
  t.falsy(whole.querySelector('.missing'));
});

test('means are of the seeds that remain', (t) => {
  const values = ['s1029', 's1031'].map((seed) => {
    const trial = lost.input.trials.find(({ id }) => id === `sweep/resnet8/KD/${seed}`);
    return trial?.result?.metrics['test.top1.last'] ?? Number.NaN;
  });
  const [a = 0, b = 0] = values;
  t.is(
    textOf(cellOf(lost.page, 'sweep', 'KD', 'last epoch, %')),
    `${((a + b) / 2).toFixed(2)} ± ${(Math.abs(a - b) / Math.SQRT2).toFixed(2)}`,
  );
});

test('pairs are of seeds that both sides completed', (t) => {
  t.is(rowsOf(lost.page, 'differences')[0]?.[1], '1', 'KD and CE share seed 1029 alone');
  t.is(rowsOf(lost.page, 'differences')[1]?.[1], '2');
});

test('what was lost is named with where and why', (t) => {
  const notes = textOf(lost.page.querySelector('.table:has(#sweep) .notes'));
  t.true(notes.includes('KD, seed 1030: diverged in epoch 3, step 17'));
  t.true(notes.includes('CE, seed 1031: failed (CodeBug: NaN in <loss> & no "way" out)'));
  const finding = all(lost.page, '#findings li').map(textOf).join(' ');
  t.true(
    finding.includes('Of 29 trials, 1 diverged, 1 failed and 2 could not run without one of these'),
  );
});

test('the provenance table tells every trial’s state', (t) => {
  const states = new Map(rowsOf(lost.page, 'provenance').map(([id, state]) => [id, state]));
  t.is(states.size, lost.input.trials.length);
  t.is(states.get(DIVERGED), 'diverged in epoch 3, step 17');
  t.regex(states.get(FAILED) ?? '', /^failed \(CodeBug/);
  t.is(states.get(`${DIVERGED}/evaluation`), 'not run: what it needs is not there');
  t.is([...states.values()].filter((state) => state === 'complete').length, 25);
});

test('a lost seed is drawn as far as it came, with a cross, and is in no mean', (t) => {
  const [, kd] = all(lost.page, '#curves-resnet8 svg');
  t.truthy(kd?.outerHTML.includes('seed 1030: lost after this epoch'));
  t.regex(
    textOf(lost.page.querySelector('#curves-resnet8 figcaption')),
    /A cross: a seed was lost/,
  );
  const whole = drawFixture();
  t.notRegex(textOf(whole.page.querySelector('#curves-resnet8 figcaption')), /cross/);
});

test('a lost explainer is named under its arm', (t) => {
  const { page } = drawFixture({ 'explain/label-smoothing/s1029/hard': 'failed' });
  t.is(all(page, '#trees svg').length, 2, 'the two others are drawn');
  t.is(textOf(cellOf(page, 'arms', 'Accuracy of the hard tree, %', 'Label smoothing')), '–');
  t.regex(
    textOf(page.querySelector('.table:has(#arms) .notes')),
    /Label smoothing, seed 1029: failed \(CodeBug/,
  );
});

test('without its teacher nothing that needs it is claimed', (t) => {
  const { page, html } = drawFixture({ 'teacher/resnet14': 'failed' });
  t.regex(textOf(page.querySelector('.table:has(#teachers) .notes')), /resnet14: failed \(CodeBug/);
  t.is(textOf(cellOf(page, 'sweep', 'KD', 'n')), '0/3');
  t.notRegex(html, /NaN(?! in &lt;loss)|undefined|Infinity/);
});
