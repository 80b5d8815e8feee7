import test from 'ava';
import { all, drawFixture, rowsOf, textOf } from '../page/document.ts';

const report = drawFixture({ 'sweep/resnet8/KD/s1030': 'diverged' });
const { page, input } = report;

/** Numbers that come from trials: in tables of results, in findings, over the trees. */
const NUMBERS = ['#sweep', '#differences', '#arms', '#teachers', '#cost'].map(
  (table) => `${table} td`,
);

test('every number of a result leads to its trials, their keys and digests', (t) => {
  const byKey = new Map(input.trials.flatMap((trial) => (trial.key ? [[trial.key, trial]] : [])));
  const links = all(page, 'a.n');
  t.true(links.length > 120);
  for (const link of links) {
    const keys = (link.getAttribute('data-key') ?? '').split(' ').filter((key) => key !== '');
    const story = link.getAttribute('title') ?? '';
    for (const key of keys) {
      const trial = byKey.get(key);
      if (trial === undefined) return t.fail(`${key} is no trial's`);
      t.true(story.includes(`${trial.id} · `), `${trial.id} is told`);
      t.true(story.includes(`key ${key.slice(0, 12)}`));
      const digests = Object.values(trial.result?.files ?? {}).map(({ digest }) => digest);
      if (trial.state === 'complete') {
        t.true(
          digests.some((digest) => story.includes(`sha256 ${digest.slice(0, 12)}`)),
          story,
        );
      }
    }
    const row = page.querySelector(link.getAttribute('href') ?? '');
    t.true(textOf(row).includes(keys[0] ?? '–'), 'the link leads to the row of its first trial');
  }
});

test('no cell of a table of results holds a bare number', (t) => {
  const cells = NUMBERS.flatMap((selector) => all(page, selector));
  t.true(cells.length > 80);
  for (const cell of cells) {
    const text = textOf(cell);
    if (text === '' || text === '–') continue;
    t.truthy(cell.querySelector('a.n[data-key]'), `"${text}" says where it comes from`);
  }
});

test('a number over seeds names every one of them', (t) => {
  const row = all(page, '#sweep tbody tr').find((tr) => textOf(tr).startsWith('KD+VAM'));
  const story = row?.querySelector('.headline')?.getAttribute('title') ?? '';
  t.regex(story, /^Test accuracy, last epoch: mean ± sd of 3 seeds\n/);
  for (const seed of [1029, 1030, 1031]) {
    t.true(story.includes(`sweep/resnet8/KD+VAM/s${seed} · key `));
  }
});

test('the provenance table holds full keys and every file by its digest', (t) => {
  const rows = new Map(rowsOf(page, 'provenance').map(([id, ...cells]) => [id, cells]));
  for (const { id, key, result } of input.trials) {
    const [, keyCell, files] = rows.get(id) ?? [];
    t.is(keyCell, key ?? '–');
    for (const [name, { digest }] of Object.entries(result?.files ?? {})) {
      t.true(files?.includes(`${name} ${digest.slice(0, 12)}`), `${id}: ${name}`);
    }
  }
  const origin = textOf(page.querySelector('#origin'));
  const { code, datasetDigest, commits } = input.generatedFrom;
  for (const digest of [code, datasetDigest, ...commits]) t.true(origin.includes(digest));
});

test('provenance.json holds what a machine needs to find every byte', (t) => {
  const file = report.files.find(({ name }) => name === 'provenance.json');
  const told = JSON.parse(file?.text ?? '{}') as {
    trials: { id: string; key?: string; files?: Record<string, { digest: string }> }[];
  };
  t.deepEqual(
    told.trials.map(({ id, key, files }) => ({ id, key, files })),
    input.trials.map(({ id, key, result }) => ({ id, key, files: result?.files })),
  );
});
