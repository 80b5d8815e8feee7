import test from 'ava';

import { findTrial } from '../../../cli/export/find.ts';
import { subjectOf } from '../../../cli/export/subject.ts';
import { resolveInput } from '../../../cli/study/resolve.ts';
import type { Study } from '../../../study/schema.ts';
import { compute, emptyStore } from '../study/store.ts';

function study(name: string, epochs = 1): Study {
  return resolveInput({
    name,
    dataset: { name: 'digits', preset: 'correct' },
    seeds: { init: [1], data: [1] },
    teachers: [
      { id: 't', model: { name: 'resnet8' }, train: { epochs, optimizer: { name: 'sgd' } } },
    ],
    sweep: {
      students: [{ name: 'resnet8' }],
      methods: [{ id: 'KD', distillers: [{ name: 'kd' }] }],
      train: { epochs: 1, optimizer: { name: 'sgd' } },
    },
  });
}

const STUDENT = 'sweep/resnet8/KD/s1';

test('a trial is found by its study, by its id alone, and by the beginning of its key', async (t) => {
  const store = await emptyStore(t);
  await compute(store, study('mine'), () => ({}));
  const { key, result, run } = await findTrial(store, STUDENT, 'mine');
  t.is(result.key, key);
  t.is(run?.trial, STUDENT);
  t.is((await findTrial(store, STUDENT)).key, key);
  t.is((await findTrial(store, key)).key, key);
  t.is((await findTrial(store, key.slice(0, 12))).run?.trial, STUDENT);
});

test('what is not there is refused with what is', async (t) => {
  const store = await emptyStore(t);
  await compute(store, study('mine'), () => ({}));
  await compute(store, study('other', 2), (id) => (id === 'teacher/t' ? {} : undefined));
  await t.throwsAsync(findTrial(store, 'sweep/resnet9/KD/s1', 'mine'), {
    code: 'SpecInvalid',
    message: new RegExp(`no run of the study mine has left .*allowed: .*${STUDENT}`),
  });
  await t.throwsAsync(findTrial(store, 'teacher/t'), {
    code: 'SpecInvalid',
    message: /teacher\/t is a trial of .* and of .*; allowed: --study/,
  });
  await t.throwsAsync(findTrial(store, '0'.repeat(64)), {
    code: 'SpecInvalid',
    message: /begins the key of no result/,
  });
});

test('a subject knows its normalisation, classes and weights; one that diverged has none', async (t) => {
  const store = await emptyStore(t);
  await compute(store, study('mine'), () => ({}));
  const found = await findTrial(store, STUDENT, 'mine');
  const { about, trained } = await subjectOf(store, found);
  t.is(found.result.files['weights']?.digest, trained.weights);
  t.like(about, { model: 'resnet8', imageSize: 32, key: found.key, trial: { study: 'mine' } });
  t.is(about.classNames.length, 10);
  t.is(about.normalisation.mean.length, 3);
  const evaluation = await subjectOf(
    store,
    await findTrial(store, `${STUDENT}/evaluation`, 'mine'),
  );
  t.is(evaluation.trained.weights, trained.weights);
  const diverged = { ...found, result: { ...found.result, status: 'diverged' } } as const;
  await t.throwsAsync(subjectOf(store, diverged), { message: /diverged and left no network/ });
});
