import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { Check } from '../../verify/check.ts';
import { KdxError } from '../../leg/errors.ts';
import type { LogitsIndex } from '../../leg/records.ts';
import { sha256, type ArtifactStore } from '../../stores/artifacts.ts';
import { openFolderStore } from '../../stores/folder.ts';
import { blobName, resultName, runName } from '../../stores/names.ts';
import { DIGITS_MANIFEST } from '../../study/dataset-manifest.ts';
import {
  computeStudy,
  flipBit,
  replaceObject,
  withVerdict,
  type AuditedStudy,
} from './audited-study.ts';

/*
 * One study of real networks in a real store, damaged in one way after another: what is damaged is
 * named, what cannot be recomputed for it says so, and everything else is still verified.
 */

const TEACHER = 'teacher/teacher';
const TEACH = 'teacher/teacher/teach/pad2-e3/d1';
const ARM_TEACH = 'teacher/teacher/teach/pad2-e1/d1';
const CE = 'sweep/resnet8/CE/s1';
const KD = 'sweep/resnet8/KD/s1';
const ARM = 'explain/distillation/s1';
const TRIALS = [
  ...[TEACHER, `${TEACHER}/evaluation`, ARM_TEACH, TEACH],
  ...[`${ARM}/soft`, `${ARM}/hard`, `${ARM}/explanation`],
  ...[CE, `${CE}/evaluation`, KD, `${KD}/evaluation`],
];

let study: AuditedStudy;
let store: ArtifactStore;
let folder: string;
test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kdx-verify-'));
  store = openFolderStore(folder);
  await store.ensureBucket();
  study = await computeStudy(store);
});
test.after.always(() => rm(folder, { recursive: true }));

const namesOf = (checks: readonly Check[]): readonly string[] => checks.map(({ trial }) => trial);
const but = (...left: readonly string[]): readonly string[] =>
  TRIALS.filter((id) => !left.includes(id));

test.serial('of a whole study every trial is equal and nothing is damaged', async (t) => {
  const checks = await study.verify();
  t.deepEqual(namesOf(withVerdict(checks, 'equal')), TRIALS);
  t.deepEqual(withVerdict(checks, 'damaged'), []);
  t.deepEqual(withVerdict(checks, 'different'), []);
});

test.serial('each damaged or missing file is named; all other trials are verified', async (t) => {
  const evaluation = study.fileOf(`${CE}/evaluation`, 'evaluation');
  const weights = study.fileOf(KD, 'weights');
  const log = study.fileOf(`${ARM}/hard`, 'epochs');
  const found = await Promise.all([evaluation, weights].map((file) => flipBit(t, store, file)));
  await replaceObject(t, store, blobName(log.digest), undefined);

  const checks = await study.verify();
  const [hard, ofCe, ofKd] = withVerdict(checks, 'damaged');
  t.deepEqual(hard, {
    trial: `${ARM}/hard`,
    key: study.results.get(`${ARM}/hard`)?.key ?? '',
    what: 'epoch log of arm distillation · seed 1 · hard',
    verdict: 'damaged',
    detail: `expected sha256 ${log.digest}, ${log.bytes} bytes; found nothing`,
  });
  t.like(ofCe, {
    trial: `${CE}/evaluation`,
    what: 'evaluation of student resnet8 · CE · seed 1 · evaluation',
    detail: `expected sha256 ${evaluation.digest}, ${evaluation.bytes} bytes; found sha256 ${sha256(found[0] ?? new Uint8Array())}, ${evaluation.bytes} bytes`,
  });
  t.like(ofKd, { trial: KD, what: 'weights of student resnet8 · KD · seed 1' });
  t.is(withVerdict(checks, 'damaged').length, 3);

  const ofLog = checks.find(({ trial, what }) => trial === KD && what === 'epoch log');
  t.regex(ofLog?.detail ?? '', /^\d+ metrics and epochs \w{12}$/, 'no word of its weights');
  // The evaluation's own numbers come out of the weights all the same, and so does its digest.
  t.deepEqual(namesOf(withVerdict(checks, 'equal')), but(`${ARM}/hard`, `${KD}/evaluation`));
  t.deepEqual(withVerdict(checks, 'different'), []);
  const blocked = withVerdict(checks, 'unchecked').filter(({ detail }) => /damaged/.test(detail));
  t.like(blocked, [
    {
      ...{ trial: `${ARM}/hard`, what: 'epoch log' },
      detail:
        'cannot be recomputed; damaged or missing: epoch log of arm distillation · seed 1 · hard',
    },
    { trial: KD, what: 'training' },
    {
      ...{ trial: `${KD}/evaluation`, what: 'evaluate' },
      detail: 'cannot be recomputed; damaged or missing: weights of student resnet8 · KD · seed 1',
    },
  ]);
});

test.serial(
  'without the teacher, what needs no teacher is verified, and the rest says so',
  async (t) => {
    const weights = study.fileOf(TEACHER, 'weights');
    await replaceObject(t, store, blobName(weights.digest), undefined);
    const checks = await study.verify();
    t.deepEqual(namesOf(withVerdict(checks, 'damaged')), [TEACHER]);
    t.deepEqual(
      namesOf(withVerdict(checks, 'equal')),
      but(`${TEACHER}/evaluation`, ARM_TEACH, TEACH),
    );
    t.deepEqual(withVerdict(checks, 'different'), []);
    const why = 'damaged or missing: weights of teacher teacher';
    const blocked = withVerdict(checks, 'unchecked').filter(({ detail }) => detail.includes(why));
    t.deepEqual(namesOf(blocked), [
      ...[`${TEACHER}/evaluation`, ARM_TEACH, TEACH, `${ARM}/explanation`],
      ...[`${CE}/evaluation`, `${KD}/evaluation`],
    ]);
    t.like(blocked.at(-1), {
      what: 'evaluate against its teacher',
      detail: `cannot be recomputed: teacher.agreement, teacher.kl; ${why}`,
    });
  },
);

test.serial('an epoch of logits that is damaged is named; another one is recomputed', async (t) => {
  const index = await store.getBlob(study.fileOf(TEACH, 'logits').digest);
  const { epochs } = JSON.parse(new TextDecoder().decode(index)) as LogitsIndex;
  const last = epochs.at(-1);
  if (last === undefined) throw new Error('no epochs');
  await replaceObject(t, store, blobName(last.digest), new Uint8Array(7));
  const checks = (await study.verify()).filter(({ trial }) => trial === TEACH);
  t.like(checks, [
    {
      ...{
        verdict: 'damaged',
        what: 'epoch 3 of logits of teacher teacher · teach · pad2-e3 · data seed 1',
      },
      detail: `expected sha256 ${last.digest}, ${last.bytes} bytes; found sha256 ${sha256(new Uint8Array(7))}, 7 bytes`,
    },
    { verdict: 'equal', what: 'logits', detail: 'epoch 1 and 2 of 3, 128 × 10 each' },
  ]);
  t.is(checks.length, 2);
});

test.serial('an index of logits that is damaged leaves its epochs unknown', async (t) => {
  await flipBit(t, store, study.fileOf(TEACH, 'logits'));
  const checks = await study.verify();
  t.like(
    checks.filter(({ trial }) => trial === TEACH),
    [
      {
        verdict: 'damaged',
        what: 'index of logits of teacher teacher · teach · pad2-e3 · data seed 1',
      },
      { verdict: 'unchecked', what: 'logits' },
    ],
  );
  t.deepEqual(namesOf(withVerdict(checks, 'equal')), but(TEACH));
});

test.serial('a damaged dataset is named once; nothing is recomputed from it', async (t) => {
  const [train] = DIGITS_MANIFEST.files;
  if (train === undefined) throw new Error('no files');
  await flipBit(t, store, train);
  const checks = await study.verify();
  t.like(withVerdict(checks, 'damaged'), [
    { trial: 'dataset/digits', what: 'train.bin.gz of dataset digits' },
  ]);
  t.is(withVerdict(checks, 'damaged').length, 1);
  // Epoch logs need no data.
  t.deepEqual(namesOf(withVerdict(checks, 'equal')), [
    TEACHER,
    `${ARM}/soft`,
    `${ARM}/hard`,
    CE,
    KD,
  ]);
  t.deepEqual(withVerdict(checks, 'different'), []);
});

test.serial('a result that is none is damaged; what needs it is not looked up', async (t) => {
  const key = study.results.get(TEACHER)?.key ?? '';
  await replaceObject(t, store, resultName(key), Buffer.from('{"schema":1'));
  const checks = await study.verify();
  const [damaged, ...more] = withVerdict(checks, 'damaged');
  t.deepEqual(more, []);
  t.like(damaged, { trial: TEACHER, key, what: 'result of teacher teacher' });
  t.regex(damaged?.detail ?? '', new RegExp(`${resultName(key)} is not JSON`));
  t.deepEqual(namesOf(withVerdict(checks, 'equal')), [CE]);
  const blocked = checks.find(({ trial }) => trial === `${KD}/evaluation`);
  t.is(blocked?.detail, `not looked up: no complete result of ${KD}, ${TEACHER}`);
});

test.serial('a result that is gone though its run was done is missing', async (t) => {
  const key = study.results.get(`${CE}/evaluation`)?.key ?? '';
  await replaceObject(t, store, resultName(key), undefined);
  const checks = await study.verify();
  t.like(withVerdict(checks, 'damaged'), [
    {
      ...{ trial: `${CE}/evaluation`, key },
      what: 'result of student resnet8 · CE · seed 1 · evaluation',
      detail: `expected ${resultName(key)}, which process a left; found nothing`,
    },
  ]);
  t.deepEqual(namesOf(withVerdict(checks, 'equal')), but(`${CE}/evaluation`));
});

test.serial(
  'a record of a run that cannot be read is damaged; its trial is compared',
  async (t) => {
    const key = study.results.get(`${CE}/evaluation`)?.key ?? '';
    await replaceObject(t, store, runName(key, 'a'), Buffer.from('null'));
    const checks = await study.verify();
    t.like(withVerdict(checks, 'damaged'), [
      {
        trial: `${CE}/evaluation`,
        what: 'run records of student resnet8 · CE · seed 1 · evaluation',
      },
    ]);
    t.deepEqual(namesOf(withVerdict(checks, 'equal')), TRIALS);
  },
);

test.serial(
  'a file that the store fails to give is damaged, a store that is gone is not',
  async (t) => {
    const { digest } = study.fileOf(CE, 'weights');
    const failing = (name: string): never => {
      throw new KdxError('ObjectStore', `read ${name}: InternalError`);
    };
    const get = (name: string): Promise<Uint8Array | undefined> =>
      name === blobName(digest) ? failing(name) : store.get(name);
    const checks = await study.verify({ ...store, get: async (name) => get(name) });
    t.like(withVerdict(checks, 'damaged'), [{ trial: CE }]);
    t.regex(
      withVerdict(checks, 'damaged')[0]?.detail ?? '',
      /; found what cannot be read: .*InternalError$/,
    );
    t.deepEqual(namesOf(withVerdict(checks, 'equal')), but(`${CE}/evaluation`));

    const gone = {
      ...store,
      get: async (name: string) => failing(name),
      ping: async () => failing(''),
    };
    await t.throwsAsync(study.verify(gone), { code: 'ObjectStore' });
  },
);
