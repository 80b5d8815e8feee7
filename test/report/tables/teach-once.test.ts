import test from 'ava';
import { plain } from '../../../report/page/content.ts';
import { renderReport } from '../../../report/render.ts';
import { teachOnceTable } from '../../../report/tables/teach-once.ts';
import { arrangeTrials } from '../../../report/trials.ts';
import { gatherFixture, reportFixture, studyLike } from '../../fixtures/report/input.ts';

const cached = studyLike((study) => {
  // Of another length than its soft stage, the tree of the explanation reads no cached logits.
  if (study.explain !== undefined) study.explain.stage2.epochs = 4;
  study.teacher = { cache: 'logits' };
  study.seeds = { init: [1, 2, 3], data: [7] };
});

/** The fixture, with times that a reader of this test can reckon with. */
function timed() {
  const input = reportFixture(cached);
  const trials = input.trials.map((trial) => {
    const isTeach = trial.result?.spec.kind === 'teach';
    const runs = trial.runs.map((run) => ({
      ...run,
      ...(isTeach ? { seconds: 10, imagesPerSecond: 1500 } : { seconds: 20 }),
    }));
    return { ...trial, runs };
  });
  return { ...input, trials };
}

test('the saving counts the teach leg as cost, and says what is an estimate', (t) => {
  const table = teachOnceTable(arrangeTrials(timed()));
  t.is(table.rows.length, 1);
  const [row] = table.rows;
  // 6 readers of 20 s; the teacher's 4 × 3000 rows take 8 s at 1500 images/s: 168 s with it running.
  t.is(plain(row?.head ?? []), 'teacher/resnet14/teach/pad2-e4/d7');
  t.deepEqual(
    row?.cells.map((cell) => plain(cell).replaceAll('\u202f', ' ')),
    ['6', '240 kB', '10.0 s', '2.0 min', '2.8 min', '23 %'],
  );
  t.regex(table.caption, /estimate/);
});

test('a report names the digests of the cache, and counts its time', (t) => {
  const input = reportFixture(cached);
  const { html, files } = renderReport(input);
  const teach = input.trials.find(({ result }) => result?.spec.kind === 'teach');
  const index = teach?.result?.files['logits']?.digest ?? 'none';
  t.true(html.includes(`logits ${index.slice(0, 12)}`));
  t.true(html.includes('Teachers’ logits, once'));
  const provenance = files.find(({ name }) => name === 'provenance.json')?.text ?? '';
  t.is(teach?.logits?.epochs.length, 4);
  for (const { digest } of teach?.logits?.epochs ?? []) t.true(provenance.includes(digest));
});

test('a study without a cache has no word of it', (t) => {
  const trials = gatherFixture(studyLike());
  t.is(trials.filter(({ node }) => node.id.includes('/teach/')).length, 0);
  t.false(renderReport(reportFixture()).html.includes('logits, once'));
});
