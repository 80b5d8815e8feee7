import test from 'ava';
import { inventoryLines, listStudies } from '../../../cli/study/inventory.ts';
import { studyLike } from '../../fixtures/report/input.ts';
import { compute, emptyStore } from './store.ts';

test('an empty store has no study, and says what to do', async (t) => {
  const studies = await listStudies(await emptyStore(t));
  t.deepEqual(studies, []);
  t.regex(inventoryLines(studies).join(), /^no study yet; run: kdx study /);
});

test('a study is listed with its results, what it lost, its time, its last run and its report', async (t) => {
  const store = await emptyStore(t);
  const study = studyLike();
  await compute(store, study, (id) => {
    if (id === 'sweep/resnet8/CE/s1029') return { status: 'diverged', seconds: 5 };
    if (id === 'sweep/resnet8/CE/s1030') return { result: false, seconds: 7 };
    if (id === 'teacher/resnet14') return { seconds: 100, startedAt: '2026-03-04T05:06:07.000Z' };
    return undefined;
  });
  await store.putLatest('reports/digits/index.html', Buffer.from('<p>'), 'text/html');
  const studies = await listStudies(store);
  t.deepEqual(studies, [
    {
      name: 'digits',
      complete: 1,
      diverged: 1,
      unfinished: 1,
      seconds: 112,
      lastAt: '2026-03-04T05:06:07.000Z',
      report: 'reports/digits/index.html',
    },
  ]);
  t.regex(
    inventoryLines(studies)[1] ?? '',
    /^digits +1 +1 +1 +1 min 52 s +2026-03-04 05:06 +reports\/digits\/index\.html$/,
  );
});

test('the latest study is first; one that found all its results is listed by its report', async (t) => {
  const store = await emptyStore(t);
  for (const [name, year] of [
    ['older', 2025],
    ['newer', 2026],
  ] as const) {
    const study = studyLike((input) => {
      input.name = name;
      input.seeds = { init: [year], data: [year] };
      if (input.explain !== undefined) input.explain.seeds = 1;
    });
    await compute(store, study, (id) =>
      id === 'teacher/resnet14' ? { startedAt: `${year}-01-01T00:00:00.000Z` } : undefined,
    );
  }
  await store.putLatest('reports/renamed/index.html', Buffer.from('<p>'), 'text/html');
  const studies = await listStudies(store);
  t.deepEqual(
    studies.map(({ name, complete }) => [name, complete]),
    [
      ['newer', 1],
      ['older', 1],
      ['renamed', 0],
    ],
  );
});
