import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { METRICS } from '../../leg/records.ts';
import type { Checkpoint, Result } from '../../leg/result.ts';
import { checkpointNames } from '../../stores/checkpoints.ts';
import { blobName, reportName, resultName } from '../../stores/names.ts';
import { listRuns } from '../../stores/runs.ts';
import { STUDY_QUEUE } from '../../leg/queues.ts';
import type { StudySummary } from '../../workflows/study.ts';
import { artifactOf, recordOf, runsOf } from '../servers/mlflow-runs.ts';
import { createStack, eventually, pidOf, processesOf, type TestStack } from '../servers/stack.ts';
import { holdLeg, isLaunched, tidy, trainersOf } from './legs.ts';
import { readResults, type ResultFiles } from './results.ts';
import {
  trialsOf,
  storeOf,
  STUDY,
  TRAININGS,
  TRIALS,
  verifyDamaged,
  withClients,
} from './small-study.ts';

/*
 * One small study on the real stack, as a user runs it: every process is real, and so is every kill.
 * The tests build on each other: what the first leaves is what the others are held against.
 */

/** Runs the study undisturbed. */
let calm: TestStack;
let reference: ResultFiles;
/** Writes a checkpoint after every step, so that a kill always finds one. */
let disturbed: TestStack;

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

test.before(async () => {
  calm = await createStack();
  disturbed = await createStack({ KDX_CHECKPOINT_SECONDS: '0' });
});
test.after.always(() => Promise.all([calm, disturbed].map((stack) => stack && tidy(stack))));

test.serial('one command runs a study to its report and ends, with no process left', async (t) => {
  const { exitCode, stdout, stderr } = await calm.kdx('start', STUDY, '--exit');
  t.is(exitCode, 0, stderr);
  // All but the 7 evaluations; a student that starts before the teacher is done has one of its own.
  t.regex(stdout, /^small: 23 trials complete, 1[678] legs run$/m);
  t.is((await calm.kdx('status')).exitCode, 3, 'the servers are down');
  t.deepEqual(await processesOf(calm), []);

  t.is((await calm.kdx('up', '--detach')).exitCode, 0);
  const store = await storeOf(calm);
  for (const name of ['index.html', 'report.md', 'provenance.json']) {
    const local = await readFile(join(calm.home, reportName('small', name)), 'utf8');
    t.true(stdout.includes(join(calm.home, reportName('small', 'index.html'))), stdout);
    t.is(text(await store.get(reportName('small', name))), local, name);
  }
  reference = await readResults(store);
});

/** Whether `METRICS` says what a metric is; those of a level have one entry for all levels. */
function isExplained(metric: string): boolean {
  return Object.hasOwn(METRICS, metric.replace(/\.level\d+$/, '.level'));
}

test.serial('every trial has its result, and its files lie under their digests', async (t) => {
  const store = await storeOf(calm);
  const trials = await trialsOf(calm);
  t.is(trials.length, TRIALS);
  const names = trials.map(({ key }) => resultName(key ?? ''));
  t.deepEqual(await store.list('results/'), names.toSorted());
  for (const name of names) {
    const { files, metrics, status } = (await store.getJson(name)) as Result;
    t.is(status, 'complete');
    const unexplained = Object.keys(metrics).filter((metric) => !isExplained(metric));
    t.deepEqual(unexplained, [], 'every metric is on the list that says what it is');
    t.true(Object.keys(files).length > 0);
    for (const { digest, bytes } of Object.values(files)) {
      t.is(reference[blobName(digest)], `sha256 ${digest}, ${bytes} bytes`);
    }
  }
  const provenance = text(await store.get(reportName('small', 'provenance.json')));
  t.true(trials.every(({ key }) => key !== undefined && provenance.includes(key)));
});

test.serial('a student and its evaluation are one process', async (t) => {
  const store = await storeOf(calm);
  const keys = new Map((await trialsOf(calm)).map(({ id, key = '' }) => [id, key]));
  const processesOf = async (id: string): Promise<readonly string[]> =>
    (await listRuns(store, keys.get(id) ?? '')).map(({ process }) => process);
  const trained = [...keys.keys()].filter((id) => keys.has(`${id}/evaluation`));
  // Compared with a teacher that they do not wait for.
  const waiting = trained.filter((id) => !id.includes('/CE/'));
  t.is(waiting.length, 5);
  for (const id of waiting) {
    const processes = await processesOf(id);
    t.is(processes.length, 1, id);
    t.deepEqual(await processesOf(`${id}/evaluation`), processes, id);
  }
});

test.serial('MLflow holds a finished run for every trial, and the report', async (t) => {
  const store = await storeOf(calm);
  const { mlflowUrl } = await calm.environment();
  // Recording goes on behind the study: nothing waits for it.
  const runs = await eventually('all is recorded', async () => {
    // `up` does not wait for MLflow, which may be starting still.
    const found = await runsOf(mlflowUrl, 'small').catch(() => []);
    const isWhole = found.length === TRIALS + 1;
    return isWhole && found.every(({ info }) => info.status === 'FINISHED') && found;
  });
  const tagsOf = new Map(runs.map((run) => [run, recordOf(run.data.tags)]));
  const parent = runs.find((run) => tagsOf.get(run)?.['kdx.key'] === 'study/small');
  if (parent === undefined) throw new Error('the study has no run of its own');
  for (const { id, key = '' } of await trialsOf(calm)) {
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
  t.is(text(await artifactOf(mlflowUrl, parent, 'report/index.html')), text(page));
  const markdown = await store.get(reportName('small', 'report.md'));
  t.is(text(await artifactOf(mlflowUrl, parent, 'report/report.md')), text(markdown));
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
  const lines = stdout.split('\n');
  const sum = `${TRIALS} equal, 0 close, 0 different, 0 damaged, ${TRAININGS} not recomputed`;
  t.true(lines.includes(sum), stdout);
  const trainings = (await trialsOf(calm)).filter(({ key = '' }) => {
    const { spec } = JSON.parse(reference[resultName(key)] ?? '') as Result;
    return spec.kind === 'train';
  });
  t.is(trainings.length, TRAININGS);
  for (const { id, key = '', epochs } of trainings) {
    const named = ` ${id} ${key.slice(0, 12)} training: not repeated: ${epochs} epochs`;
    t.true(
      lines.some((line) => line.startsWith('–') && line.includes(named)),
      id,
    );
  }
});

test.serial('one changed bit of stored weights is named, and what is lost with them', async (t) => {
  const trial = 'sweep/resnet8/KD/s1029';
  const { exitCode, stdout, stderr, digest } = await verifyDamaged(calm, trial, 'weights');
  t.is(exitCode, 65, stdout + stderr);
  const lines = stdout.split('\n');
  const name = 'weights of student resnet8 · KD · seed 1029';
  const [damaged, ...more] = lines.filter((line) => line.startsWith('DAMAGED'));
  t.deepEqual(more, []);
  t.true(damaged?.startsWith(`DAMAGED   ${trial} `), damaged);
  t.regex(damaged ?? '', new RegExp(`${name}: expected sha256 ${digest}, .*; found sha256 `));
  const evaluation = lines.find((line) => line.includes(` ${trial}/evaluation `)) ?? '';
  t.true(evaluation.endsWith(`cannot be recomputed; damaged or missing: ${name}`), evaluation);
  const counts = `${TRIALS - 1} equal, 0 close, 0 different, 1 damaged, ${TRAININGS + 1} not recomputed`;
  t.true(lines.includes(counts), stdout);
});

test.serial(
  'one changed bit of a stored evaluation is named; its numbers are verified',
  async (t) => {
    const trial = 'sweep/resnet8/KD/s1029/evaluation';
    const { exitCode, stdout, stderr, digest } = await verifyDamaged(calm, trial, 'evaluation');
    t.is(exitCode, 65, stdout + stderr);
    t.true(stdout.includes(`: expected sha256 ${digest}, `), stdout);
    const counts = `${TRIALS} equal, 0 close, 0 different, 1 damaged, ${TRAININGS} not recomputed`;
    t.true(stdout.split('\n').includes(counts), stdout);
    t.regex(stderr, /^kdx: DataMismatch: .*: 1 damaged or missing$/m);
  },
);

test.serial(
  'a cancelled study leaves checkpoints and no trainer; started again, it goes on',
  async (t) => {
    await calm.kdx('down');
    t.is((await disturbed.kdx('up', '--detach')).exitCode, 0);
    await withClients(disturbed, async (client, store) => {
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
      const newest = (await checkpointNames(store, key)).at(-1) ?? '';
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
  await withClients(disturbed, async (client, store) => {
    const before = await disturbed.status();
    const watching = disturbed.kdx('study', STUDY);
    const hold = () => eventually('a leg is in mid-training', () => holdLeg(disturbed, store));

    const killed = await hold();
    process.kill(killed.pid, 'SIGKILL');
    // Until then its end may be unreported, and a worker that dies takes the same launch up again.
    await eventually('the killed leg is launched again', () =>
      isLaunched(disturbed, store, { ...killed.leg, launch: killed.leg.launch + 1 }),
    );

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
    const { counts } = (await handle.result()) as StudySummary;
    t.is(counts.complete + counts.found, TRIALS);
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
