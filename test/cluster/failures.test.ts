import test, { type ExecutionContext } from 'ava';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Launch } from '../../leg/decide.ts';
import { STUDY_QUEUE } from '../../leg/queues.ts';
import { EXIT } from '../../leg/outcome.ts';
import type { LegSpec } from '../../leg/spec.ts';
import { digestJson } from '../../study/canonical.ts';
import { trialWorkflowId, type TrialInput, type TrialReport } from '../../workflows/trial.ts';
import { studentSpec } from '../bin/trainer/specs.ts';
import { openBucket } from '../bin/trainer/world.ts';
import { startMinio } from '../servers/minio.ts';
import type { TestS3 } from '../servers/s3.ts';
import { eventually } from '../servers/stack.ts';
import { deploy, type Deployment } from './deployment.ts';
import { exitsOf, longSpec, openPlace } from './legs.ts';
import { CLUSTER, connect, jobSettings, openNamespace } from './world.ts';

/* How pods end, one way a test: each as the table in docs/operations.md says. */

const api = connect();
let server: TestS3;

test.before(async () => {
  server = await startMinio(CLUSTER.hostAddress);
});
test.after.always(() => server.stop());

test('evicted: another pod goes on from its checkpoint, to the same bytes', async (t) => {
  const { home, bucket, run, runHere, checkpointed } = await openPlace(t, server, 'evicted');
  const spec = longSpec();
  const running = run(spec);
  await checkpointed(spec);
  await home.evictPods();
  const end = await running;
  t.is(end.outcome, 'done', end.detail);
  t.deepEqual(exitsOf(end), [EXIT.stopped, EXIT.done]);
  t.deepEqual(await bucket.outcome(spec), await runHere(spec));
});

test('exit 70: a defect, told with its exit code', async (t) => {
  const settings = { image: CLUSTER.defectImage };
  const { run } = await openPlace(t, server, 'defect', { settings });
  const { outcome, detail } = await run(studentSpec());
  t.is(outcome, 'bug');
  t.regex(detail, /^exit 70/);
});

test('an image that does not exist: named, and its Job removed', async (t) => {
  const settings = { image: 'docker.io/kdexplainer/nowhere:test' };
  const limits = { imageSeconds: 5 };
  const { home, run } = await openPlace(t, server, 'no-image', { settings, limits });
  const { outcome, detail } = await run(studentSpec());
  t.is(outcome, 'imagePull');
  t.regex(detail, /ErrImagePull|ImagePullBackOff/);
  await eventually('no pod', async () => (await home.pods()).length === 0);
});

/** A worker with its Temporal server, whose trials run as Jobs. */
async function trials(t: ExecutionContext, name: string): Promise<Deployment> {
  const home = await openNamespace(api, 'trial');
  t.teardown(() => home.remove());
  const { s3 } = await openBucket(server.s3(name));
  await home.putSecret(s3);
  const deployment = await deploy(server, name, jobSettings(home.name, s3));
  t.teardown(() => deployment.stop());
  return deployment;
}

/** Runs one trial through Temporal. */
async function runTrial(
  { client }: Deployment,
  spec: LegSpec,
  memoryMiB: number,
): Promise<TrialReport> {
  const key = digestJson(spec);
  const input: TrialInput = {
    ...{ key, spec, trial: 't', study: 's', resources: { memoryMiB } },
    place: { executor: 'kubernetes', flavours: ['fake'] },
  };
  const options = { taskQueue: STUDY_QUEUE, workflowId: trialWorkflowId(key), args: [input] };
  return (await client.workflow.execute('trial', options)) as TrialReport;
}

test('killed for memory: launched with half as much again until it fits', async (t) => {
  const deployment = await trials(t, 'memory');
  const { status, ends } = await runTrial(deployment, studentSpec(), 80);
  t.is(status, 'complete');
  const outcomes = ends.map(({ outcome }) => outcome);
  t.log(outcomes.join(', '));
  t.is(outcomes.at(-1), 'done');
  t.true(outcomes.length > 1);
  t.true(outcomes.slice(0, -1).every((outcome) => outcome === 'hostMemory'));
});

test('exit 64: a spec that the trainer refuses is launched once', async (t) => {
  const deployment = await trials(t, 'refused');
  const { train } = studentSpec();
  const spec = studentSpec({ train: { ...train, epochs: 0 } });
  const error = await t.throwsAsync(runTrial(deployment, spec, 1024), {
    instanceOf: WorkflowFailedError,
  });
  const { cause } = error;
  t.true(cause instanceof ApplicationFailure);
  t.like(cause, { type: 'SpecInvalid' });
  const launches = (cause as ApplicationFailure).details?.[0] as readonly Launch[];
  t.deepEqual(
    launches.map(({ outcome }) => outcome),
    ['badSpec'],
  );
  t.regex(launches[0]?.detail ?? '', /^exit 64.*epochs/);
});
