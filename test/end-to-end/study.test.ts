import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '@temporalio/client';
import test from 'ava';
import type { Checkpoint, Result } from '../../leg/result.ts';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { blobName, checkpointPrefix, reportName, resultName } from '../../stores/names.ts';
import { listRuns } from '../../stores/runs.ts';
import { openS3Store } from '../../stores/s3.ts';
import type { StudyStatus } from '../../study/status.ts';
import { STUDY_QUEUE } from '../../workflows/queues.ts';
import type { StudySummary } from '../../workflows/run-study.ts';
import { artifactOf, recordOf, runsOf } from '../servers/mlflow-runs.ts';
import { createStack, eventually, pidOf, temporalOf, type TestStack } from '../servers/stack.ts';
import { holdLeg, trainersOf } from './legs.ts';
import { readResults, type ResultFiles } from './results.ts';

/*
 * One small study on the real stack, as a user runs it: every process is real, and so is every kill.
 * The tests build on each other: what the first leaves is what the others are held against.
 */

const STUDY = join(import.meta.dirname, '../fixtures/small-study.json');
const TRIALS = 23;
const TRAININGS = 13;

/** Runs the study undisturbed. */
let calm: TestStack;
let reference: ResultFiles;
/** Writes a checkpoint after every step, so that a kill always finds one. */
let disturbed: TestStack;

test.before(async () => {
  calm = await createStack();
  disturbed = await createStack({ KDX_CHECKPOINT_SECONDS: '0' });
});
test.after.always(() => Promise.all([calm, disturbed].map((stack) => stack?.remove())));

const storeOf = async (stack: TestStack): Promise<ArtifactStore> =>
  openS3Store((await stack.environment()).s3);
const textOf = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

test.serial('one command runs a study to its report and ends, with no process left', async (t) => {
  const { exitCode, stdout, stderr } = await calm.kdx('start', STUDY, '--exit');
  t.is(exitCode, 0, stderr);
  t.regex(stdout, /^small: 23 trials complete, 23 legs run$/m);
  t.is((await calm.kdx('status')).exitCode, 3, 'the servers are down');

  t.is((await calm.kdx('up', '--detach')).exitCode, 0);
  const store = await storeOf(calm);
  for (const name of ['index.html', 'report.md', 'provenance.json']) {
    const local = await readFile(join(calm.home, reportName('small', name)), 'utf8');
    t.true(stdout.includes(join(calm.home, reportName('small', 'index.html'))), stdout);
    t.is(textOf(await store.get(reportName('small', name))), local, name);
  }
  reference = await readResults(store);
});

async function statusOf(stack: TestStack): Promise<StudyStatus> {
  const client = await temporalOf(stack);
  try {
    return await client.workflow.getHandle('reproduce/small').query<StudyStatus>('status');
  } finally {
    await client.connection.close();
  }
}

test.serial('every trial has its result, and its files lie under their digests', async (t) => {
  const store = await storeOf(calm);
  const { trials, phase } = await statusOf(calm);
  t.is(phase, 'done');
  t.is(trials.length, TRIALS);
  const names = trials.map(({ key }) => resultName(key ?? ''));
  t.deepEqual(await store.list('results/'), names.toSorted());
  for (const name of names) {
    const { files, status } = (await store.getJson(name)) as Result;
    t.is(status, 'complete');
    t.true(Object.keys(files).length > 0);
    for (const { digest, bytes } of Object.values(files)) {
      t.is(reference[blobName(digest)], `sha256 ${digest}, ${bytes} bytes`);
    }
  }
  const provenance = textOf(await store.get(reportName('small', 'provenance.json')));
  t.true(trials.every(({ key }) => key !== undefined && provenance.includes(key)));
});

test.serial('MLflow holds a finished run for every trial, and the report', async (t) => {
  const store = await storeOf(calm);
  const { mlflowUrl } = await calm.environment();
  // Recording goes on behind the study: nothing waits for it.
  const runs = await eventually('all is recorded', async () => {
    const found = await runsOf(mlflowUrl, 'small');
    const isWhole = found.length === TRIALS + 1;
    return isWhole && found.every(({ info }) => info.status === 'FINISHED') && found;
  });
  const tagsOf = new Map(runs.map((run) => [run, recordOf(run.data.tags)]));
  const parent = runs.find((run) => tagsOf.get(run)?.['kdx.key'] === 'study/small');
  if (parent === undefined) throw new Error('the study has no run of its own');
  for (const { id, key = '' } of (await statusOf(calm)).trials) {
    const run = runs.find((candidate) => tagsOf.get(candidate)?.['kdx.key'] === key);
    t.is(run?.info.run_name, id);
    if (run === undefined) continue;
    t.like(tagsOf.get(run), { 'mlflow.parentRunId': parent.info.run_id, 'kdx.trial': id });
    const { metrics, files } = (await store.getJson(resultName(key))) as Result;
    t.like(recordOf(run.data.metrics), metrics, id);
    const digests = Object.entries(files).map(([name, { digest }]) => [`kdx.file.${name}`, digest]);
    t.like(tagsOf.get(run), Object.fromEntries(digests));
  }
  const page = await store.get(reportName('small', 'index.html'));
  t.is(textOf(await artifactOf(mlflowUrl, parent, 'report/index.html')), textOf(page));
});

test.serial('the same study again finds every result, and changes none', async (t) => {
  const { exitCode, stdout, stderr } = await calm.kdx('start', STUDY);
  t.is(exitCode, 0, stderr);
  t.regex(stdout, /^small: 23 trials complete, no leg run: every result was there$/m);
  t.true((await calm.status()).healthy, 'a stack that ran before is left running');
  t.deepEqual(await readResults(await storeOf(calm)), reference);
});

test.serial('every number is recomputed, and what is not is named', async (t) => {
  const { exitCode, stdout, stderr } = await calm.kdx('verify', STUDY);
  t.is(exitCode, 0, stdout + stderr);
  t.regex(
    stdout,
    new RegExp(`^${TRIALS} equal, 0 close, 0 different, ${TRAININGS} not recomputed$`, 'm'),
  );
  const trainings = (await statusOf(calm)).trials.filter(({ epochs }) => epochs > 0);
  t.is(trainings.length, TRAININGS);
  for (const { id, epochs } of trainings) {
    t.true(
      stdout.includes(`${id} `) && stdout.includes(`training: not repeated: ${epochs} epochs`),
    );
  }
});

/** What `kdx verify` says while the last bit of one stored file of a trial is another one. */
async function verifyDamaged(trial: string, file: string) {
  const store = await storeOf(calm);
  const key = (await statusOf(calm)).trials.find(({ id }) => id === trial)?.key ?? '';
  const { files } = (await store.getJson(resultName(key))) as Result;
  const digest = files[file]?.digest ?? '';
  const whole = await store.getBlob(digest);
  const damaged = Uint8Array.from(whole);
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
  await store.putLatest(blobName(digest), damaged);
  const end = await calm.kdx('verify', STUDY);
  await store.putLatest(blobName(digest), whole);
  return { ...end, digest };
}

test.serial('one changed bit of stored weights is found in all that comes of them', async (t) => {
  const trial = 'sweep/resnet8/KD/s1029';
  const { exitCode, stdout, digest } = await verifyDamaged(trial, 'weights');
  t.is(exitCode, 65, stdout);
  const different = stdout.split('\n').filter((line) => line.startsWith('DIFFERENT'));
  const [training, evaluation] = different;
  t.is(different.length, 2, stdout);
  t.true(training?.startsWith(`DIFFERENT ${trial} `) && training.includes(digest), training);
  t.true(evaluation?.startsWith(`DIFFERENT ${trial}/evaluation `), evaluation);
});

test.serial('one changed bit of a stored evaluation is found and named', async (t) => {
  const trial = 'sweep/resnet8/KD/s1029/evaluation';
  const { exitCode, stdout, stderr, digest } = await verifyDamaged(trial, 'evaluation');
  t.is(exitCode, 65, stdout + stderr);
  t.true((stdout + stderr).includes(`blobs/${digest} holds other bytes`), stdout + stderr);
});

/** Runs a test on the disturbed stack with a client of its Temporal server. */
async function whileUp(body: (client: Client, store: ArtifactStore) => Promise<void>) {
  const client = await temporalOf(disturbed);
  try {
    await body(client, await storeOf(disturbed));
  } finally {
    await client.connection.close();
  }
}

test.serial(
  'a cancelled study leaves checkpoints and no trainer; started again, it goes on',
  async (t) => {
    await calm.kdx('down');
    t.is((await disturbed.kdx('up', '--detach')).exitCode, 0);
    await whileUp(async (client, store) => {
      const watching = disturbed.kdx('study', STUDY);
      const held = await eventually('the teacher is in mid-training', () =>
        holdLeg(disturbed, store, ({ trial }) => trial === 'teacher/resnet8'),
      );
      const { key } = held.leg;
      await client.workflow.getHandle('reproduce/small').cancel();
      await eventually('the teacher is told to stop', () => held.isToldToStop());
      held.release();
      const { exitCode, stderr } = await watching;
      t.is(exitCode, 75, stderr);
      t.regex(stderr, /Stopped: the study was cancelled/);
      t.deepEqual(await trainersOf(disturbed), []);
      t.is(await store.get(resultName(key)), undefined);
      const newest = (await store.list(checkpointPrefix(key))).at(-1) ?? '';
      const { epoch, step } = (await store.getJson(newest)) as Checkpoint;
      t.like(await listRuns(store, key), [{ outcome: 'stopped', launch: 0 }]);

      const input: unknown = JSON.parse(await readFile(STUDY, 'utf8'));
      const options = { taskQueue: STUDY_QUEUE, workflowId: 'teacher/small', args: [input] };
      await client.workflow.execute('teacher', options);
      const runs = await listRuns(store, key);
      t.like(
        runs.find(({ outcome }) => outcome === 'done'),
        { resumedFrom: { epoch, step } },
      );
    });
  },
);

test.serial('kill -9 of a trainer, of the worker and of Temporal change no byte', async (t) => {
  await whileUp(async (client, store) => {
    const before = await disturbed.status();
    const watching = disturbed.kdx('study', STUDY);
    const hold = () => eventually('a leg is in mid-training', () => holdLeg(disturbed, store));

    const killed = await hold();
    process.kill(killed.pid, 'SIGKILL');

    const orphaned = await hold();
    const trainers = await trainersOf(disturbed);
    process.kill(pidOf(before, 'worker'), 'SIGKILL');
    orphaned.release();
    await eventually('no trainer outlives its worker', async () => {
      const left = new Set((await trainersOf(disturbed)).map(([pid]) => pid));
      return trainers.every(([pid]) => !left.has(pid));
    });

    const bystander = await hold();
    process.kill(pidOf(before, 'temporal'), 'SIGKILL');
    bystander.release();

    const { exitCode, stderr } = await watching;
    t.is(exitCode, 0, stderr);
    t.deepEqual(await trainersOf(disturbed), []);
    t.deepEqual(await readResults(store), reference);

    const handle = client.workflow.getHandle('reproduce/small');
    const { counts, launches } = (await handle.result()) as StudySummary;
    t.is(counts.complete + counts.found, TRIALS);
    t.true(launches > counts.complete, 'a kill cost a launch');
    for (const { leg, position } of [killed, orphaned]) {
      const done = (await listRuns(store, leg.key)).find(({ outcome }) => outcome === 'done');
      const { epoch, step } = done?.resumedFrom ?? { epoch: -1, step: -1 };
      t.true(epoch > position.epoch || (epoch === position.epoch && step >= position.step));
      // A killed trainer costs a launch; a killed worker does not: its legs are taken up again.
      t.is(done?.launch, leg === killed.leg ? leg.launch + 1 : leg.launch);
    }
    for (const { name, restarts } of (await disturbed.status()).services) {
      t.is(restarts > 0, name === 'worker' || name === 'temporal', name);
    }
  });
});
