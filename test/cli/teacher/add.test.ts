import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import test from 'ava';

import { addTeacher } from '../../../cli/teacher/add.ts';
import { decodeTensors } from '../../../learning/engine/safetensors.ts';
import { findTeacher, listTeachers, pinStudy } from '../../../stores/teachers.ts';
import { digestJson } from '../../../study/canonical.ts';
import type { CodeIndex } from '../../../study/code.ts';
import { bindTrial, expandStudy } from '../../../study/plan/plan.ts';
import { resolveStudy } from '../../../study/resolve.ts';
import type { Study } from '../../../study/schema.ts';
import { folder } from '../dataset/archives.ts';
import { emptyStore } from '../study/store.ts';

/** A resnet8 of ten classes that PyTorch has trained some steps. */
const FILE = join(import.meta.dirname, '../../fixtures/teachers/resnet8.pth');
const TRAIN = { epochs: 1, optimizer: { name: 'sgd' } };

function study(changes: object = {}): Study {
  const resolution = resolveStudy({
    name: 'mine',
    dataset: { name: 'digits', preset: 'correct' },
    seeds: { init: [1], data: [1] },
    teachers: [{ id: 'theirs', import: 'mine' }],
    sweep: {
      students: [{ name: 'resnet8' }],
      methods: [
        { id: 'KD', distillers: [{ name: 'kd' }] },
        { id: 'AT', distillers: [{ name: 'ce', weight: 1 }, { name: 'at' }] },
      ],
      train: TRAIN,
    },
    ...changes,
  });
  if (!resolution.ok) throw new Error(JSON.stringify(resolution.problems));
  return resolution.study;
}

const code = new Proxy({}, { get: () => new Proxy({}, { get: () => 'code' }) }) as CodeIndex;
const context = { datasetDigest: digestJson('digits'), code };

test('a teacher that was added is found by name, and a study that imports it trains none', async (t) => {
  const store = await emptyStore(t);
  const { model, classes } = await addTeacher(store, 'mine', FILE);
  t.deepEqual({ model, classes }, { model: 'resnet8', classes: 10 });
  t.deepEqual(await listTeachers(store), ['mine']);
  const teacher = await findTeacher(store, 'mine');
  const { tensors } = decodeTensors(await store.getBlob(teacher?.weights ?? ''), 'weights');
  t.deepEqual(tensors.get('stem/kernel')?.shape, [3, 3, 3, 16]);

  const nodes = expandStudy(await pinStudy(store, study()), context);
  t.deepEqual(
    nodes.map(({ id, needs }) => [id, needs]),
    [
      ['teacher/theirs/evaluation', []],
      ['sweep/resnet8/KD/s1', []],
      ['sweep/resnet8/KD/s1/evaluation', ['sweep/resnet8/KD/s1']],
      ['sweep/resnet8/AT/s1', []],
      ['sweep/resnet8/AT/s1/evaluation', ['sweep/resnet8/AT/s1']],
    ],
  );
  const [, student] = nodes;
  if (student === undefined) return t.fail();
  const { spec } = bindTrial(student, new Map());
  t.deepEqual(spec.teacher, { model: { name: 'resnet8' }, weights: teacher?.weights ?? '' });
  return undefined;
});

test('its normalisation is in the key where it is not the one of the study', async (t) => {
  const store = await emptyStore(t);
  const keyWith = async (normalisation?: { mean: number[]; std: number[] }): Promise<string> => {
    await addTeacher(store, 'mine', FILE, normalisation === undefined ? {} : { normalisation });
    const [node] = expandStudy(await pinStudy(store, study()), context);
    if (node === undefined) throw new Error('no trial');
    return bindTrial(node, new Map()).key;
  };
  const key = await keyWith();
  t.not(await keyWith({ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }), key);
  t.is(await keyWith(), key);
});

test('a study is refused that imports what is not there, or has other classes', async (t) => {
  const store = await emptyStore(t);
  await t.throwsAsync(pinStudy(store, study()), {
    code: 'SpecInvalid',
    message: /^\$\.teachers\[0\]\.import: found "mine"; allowed: a teacher that is in the store/,
  });
  await addTeacher(store, 'mine', FILE);
  const other = study({ dataset: { name: 'cifar100', preset: 'correct' } });
  await t.throwsAsync(pinStudy(store, other), {
    code: 'SpecInvalid',
    message: /found "mine", which tells 10 classes apart; allowed: 100, as cifar100 has/,
  });
});

test('pairs that a method cannot work on are refused once the teacher is known', async (t) => {
  const store = await emptyStore(t);
  await addTeacher(store, 'mine', FILE);
  const methods = [{ id: 'FSP', distillers: [{ name: 'ce', weight: 1 }, { name: 'fsp' }] }];
  const wide = study({ sweep: { students: [{ name: 'wrn_16_2' }], methods, train: TRAIN } });
  await t.throwsAsync(pinStudy(store, wide), {
    code: 'SpecInvalid',
    message: /found "fsp" for wrn_16_2 under resnet8/,
  });
});

test('a teacher is either trained or brought', (t) => {
  const problemsOf = (teacher: object): string => {
    const resolution = resolveStudy({ ...study(), teachers: [{ id: 'mine', ...teacher }] });
    return resolution.ok ? '' : JSON.stringify(resolution.problems);
  };
  const model = { name: 'resnet8' };
  t.regex(problemsOf({ model, import: 'mine' }), /either model and train, or import alone/);
  t.regex(problemsOf({ model }), /teachers\[0\]\.train.*found nothing/);
});

test('nothing is stored of a file that is refused', async (t) => {
  const store = await emptyStore(t);
  const home = await folder(t);
  const broken = join(home, 'broken.pth');
  await writeFile(broken, (await readFile(FILE)).subarray(0, 100_000));
  await t.throwsAsync(addTeacher(store, 'mine', broken), { code: 'DataMismatch' });
  await t.throwsAsync(addTeacher(store, 'mine', FILE, { model: 'vgg8' }), {
    message: /it is no vgg8: missing block0\.0\.weight/,
  });
  await t.throwsAsync(addTeacher(store, 'mine', FILE, { key: 'ema' }), {
    message: /holds model, and no weights under "ema"/,
  });
  t.deepEqual(await listTeachers(store), []);
  t.deepEqual(await store.list('blobs/'), []);
});
