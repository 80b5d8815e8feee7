import type { TestWorkflowEnvironment } from '@temporalio/testing';
import test from 'ava';
import type { FailedTrial } from '../../activities/contract.ts';
import { carryOf, openRun } from '../../workflows/carry.ts';
import { chunksOf, failedTrials } from '../../workflows/failures.ts';
import { failTrial, retryFailed } from '../../workflows/state.ts';
import type { StudySummary } from '../../workflows/study.ts';
import {
  activitiesOf,
  createWorld,
  developmentServer,
  failuresIn,
  opening,
  smallStudy,
  withWorkers,
} from './world.ts';

let server: TestWorkflowEnvironment;
test.before(async () => {
  server = await developmentServer();
});
test.after.always(async () => {
  await server.teardown();
});

/** What Temporal refuses to take as one payload. */
const PAYLOAD_BYTES = 2 * 1024 * 1024;

const longest = (id: string): FailedTrial => ({
  id,
  failure: { code: 'CodeBug', message: 'x'.repeat(500) },
  earlier: [{ launch: 0, outcome: 'bug', host: 'h1', detail: 'y'.repeat(300) }],
});

test('ten thousand failures are kept in chunks that fit into a payload each', (t) => {
  const trials = Array.from({ length: 10_000 }, (_, i) => longest(`sweep/resnet8/CE/s${i}`));
  t.true(JSON.stringify(trials).length > 4 * PAYLOAD_BYTES);
  const chunks = chunksOf(trials);
  t.deepEqual(chunks.flat(), trials);
  for (const chunk of chunks) t.true(JSON.stringify(chunk).length < PAYLOAD_BYTES / 4);
  t.deepEqual(chunksOf([]), []);
});

test('a failure, and the quarantine of a trial that is tried again, go on in the next run', (t) => {
  const study = opening(smallStudy(), ['teacher', 'sweep']);
  const run = openRun(study, 5);
  const bug = [{ launch: 0, outcome: 'bug', host: 'h1', detail: 'exit 70' }] as const;
  failTrial(run, 'teacher/big', { code: 'CodeBug', message: 'm' }, bug);
  failTrial(run, 'sweep/resnet8/CE/s1', { code: 'Stopped', message: 'by hand' }, []);
  t.deepEqual(retryFailed(run).toSorted(), ['sweep/resnet8/CE/s1', 'teacher/big']);
  failTrial(run, 'sweep/resnet8/CE/s1', { code: 'Stopped', message: 'by hand' }, []);
  const next = openRun(study, 9, carryOf(run, undefined), failedTrials(run));
  t.is(next.startedAt, 5);
  t.is(next.entries.get('sweep/resnet8/CE/s1')?.state, 'failed');
  t.is(next.entries.get('teacher/big')?.state, 'waiting');
  t.deepEqual(next.entries.get('teacher/big')?.earlier, bug);
});

/** As many as made the end of a study fail for ever. */
const FAILURES = 2_500;

test('a study of thousands of failed trials ends with its report, and names them in it', async (t) => {
  const world = createWorld();
  const activities = activitiesOf(world);
  const seeds = Array.from({ length: FAILURES }, (_, i) => i);
  const { teachers: _none, ...rest } = smallStudy();
  const study = {
    ...rest,
    seeds: { init: seeds, data: seeds },
    sweep: {
      students: [{ name: 'resnet8' as const }],
      methods: [{ id: 'CE', distillers: [{ name: 'ce' as const }] }],
      train: { epochs: 1, optimizer: { name: 'sgd' as const } },
    },
  };
  const message = 'of the key '.padEnd(900, 'x');
  // Damage is the quickest way to fail: no trial has to be started for it.
  const findResults = (keys: readonly string[]) =>
    Promise.resolve(keys.map((key) => ({ key, status: 'damaged' as const, message })));
  await withWorkers(server, { ...activities, findResults }, async () => {
    const workflowId = `reproduce/${study.name}`;
    const options = { taskQueue: 'kdx', workflowId, args: [study] };
    const handle = await server.client.workflow.start('reproduce', options);
    const error = (await handle.result().catch((reason: unknown) => reason)) as {
      readonly cause: { readonly type: string; readonly details: readonly StudySummary[] };
    };
    t.is(error.cause.type, 'DataMismatch');
    t.like(error.cause.details[0]?.counts, { failed: FAILURES, blocked: FAILURES });
  });
  const [report] = world.reports;
  t.true(JSON.stringify(report).length < 1000, 'the report is given digests');
  t.is(report === undefined ? 0 : failuresIn(world, report).length, FAILURES);
  t.is(world.legs.length, 0);
});
