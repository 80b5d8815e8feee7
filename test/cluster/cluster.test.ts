import test, { type ExecutionContext } from 'ava';
import { openCluster } from '../../bin/worker/cluster.ts';
import { jobName } from '../../k8s/names.ts';
import { EXIT } from '../../leg/outcome.ts';
import type { LegEnd } from '../../leg/ports.ts';
import { DEFAULT_RESOURCES, type Leg, type TrainSpec } from '../../leg/spec.ts';
import { checkpointPrefix } from '../../stores/names.ts';
import { listRuns } from '../../stores/runs.ts';
import { canonicalJson, digestJson } from '../../study/canonical.ts';
import { studentSpec } from '../bin/trainer/specs.ts';
import { openBucket, type LegBucket, type LegOutcome } from '../bin/trainer/world.ts';
import { startMinio } from '../servers/minio.ts';
import type { TestS3 } from '../servers/s3.ts';
import { eventually } from '../servers/stack.ts';
import { CLUSTER, connect, jobSettings, openNamespace, type Namespace } from './world.ts';

const api = connect();
let server: TestS3;

test.before(async () => {
  server = await startMinio(CLUSTER.hostAddress);
});
test.after.always(() => server.stop());

async function namespace(t: ExecutionContext): Promise<Namespace> {
  const opened = await openNamespace(api, 'test');
  t.teardown(() => opened.remove());
  return opened;
}

test('the trainer without a leg ends with what is missing', async (t) => {
  const { run } = await namespace(t);
  const { exitCode, message } = await run('trainer', { image: CLUSTER.trainerImage });
  t.is(exitCode, EXIT.configuration);
  t.regex(message, /"msg":"KDX_LEG: not set; it must be the digest of a leg"/);
  t.is(message.trim().split('\n').length, 1);
});

test('the worker without servers ends with what is missing', async (t) => {
  const { run } = await namespace(t);
  const { exitCode, message } = await run('worker', { image: CLUSTER.workerImage });
  t.is(exitCode, EXIT.configuration);
  t.regex(message.trim(), /^worker: KDX_TEMPORAL_ADDRESS .*: not set; it must be host:port$/);
  t.is(message.trim().split('\n').length, 1);
});

test("a worker's pod has its workflows, which it could not bundle", async (t) => {
  const { run } = await namespace(t);
  const program = `
    const { workflowBundle } = await import('/app/bin/worker/bundle.ts');
    const { code } = await workflowBundle();
    if (!code.includes('reproduce')) throw new Error('a bundle without the workflow reproduce');`;
  const args = ['--input-type=module', '-e', program];
  const { exitCode, message } = await run('bundle', { image: CLUSTER.workerImage, args });
  t.is(exitCode, 0, message);
});

type Place = {
  readonly namespace: Namespace;
  readonly bucket: LegBucket;
  /** Runs a training as a Job, as the trial does. */
  run(spec: TrainSpec): Promise<LegEnd>;
  /** The result that a process of this machine leaves for it, in a bucket of its own. */
  runHere(spec: TrainSpec): Promise<LegOutcome>;
};

async function place(t: ExecutionContext, name: string): Promise<Place> {
  const opened = await namespace(t);
  const bucket = await openBucket(server.s3(name));
  await opened.putSecret(bucket.s3);
  const { executor, close } = openCluster(jobSettings(opened.name, bucket.s3), bucket.store);
  t.teardown(close);
  return {
    namespace: opened,
    bucket,
    run: async (spec) => {
      const leg = await putLeg(bucket, spec);
      const started = performance.now();
      const never = new AbortController().signal;
      const end = await executor.run(leg, { signal: never, report: () => undefined });
      t.log(`${jobName(leg)}: ${Math.round(performance.now() - started)} ms, ${end.detail}`);
      return end;
    },
    runHere: async (spec) => {
      const here = await openBucket(server.s3(`${name}-here`));
      t.is((await here.run(spec)).code, EXIT.done);
      return await here.outcome(spec);
    },
  };
}

/** A launch, as the trial makes it. */
async function putLeg({ store }: LegBucket, spec: TrainSpec): Promise<Leg> {
  const leg: Leg = {
    ...{ key: digestJson(spec), spec, trial: 't', study: 's', run: '0a1b2c3d', launch: 0 },
    resources: DEFAULT_RESOURCES,
  };
  await store.putBlob(new TextEncoder().encode(canonicalJson(leg)));
  return leg;
}

test('a leg runs as a Job, and leaves the result that a process leaves', async (t) => {
  const { bucket, run, runHere } = await place(t, 'calm');
  const spec = studentSpec();
  const end = await run(spec);
  t.is(end.outcome, 'done', end.detail);
  t.is(end.processes.length, 1);
  t.true(end.deviceSeconds > 0);
  const [record] = await listRuns(bucket.store, digestJson(spec));
  t.like(record, { process: end.processes[0]?.name, host: end.host });
  t.true(await bucket.store.has(end.log ?? ''), 'its log is kept');
  t.deepEqual(await bucket.outcome(spec), await runHere(spec));
});

test('a leg whose pod is deleted goes on in another one, to the same bytes', async (t) => {
  const { namespace: home, bucket, run, runHere } = await place(t, 'deleted');
  const { train } = studentSpec();
  const spec = studentSpec({ train: { ...train, epochs: 60 } });
  const running = run(spec);
  const key = digestJson(spec);
  await eventually(
    'a checkpoint',
    async () => (await bucket.store.list(checkpointPrefix(key))).length > 0,
  );
  await home.deletePods();
  const end = await running;
  t.is(end.outcome, 'done', end.detail);
  t.deepEqual(
    end.processes.map(({ exit }) => exit),
    [EXIT.stopped, EXIT.done],
  );
  const [record] = (await listRuns(bucket.store, key)).filter(({ outcome }) => outcome === 'done');
  t.true((record?.resumedFrom?.step ?? 0) > 0, 'from its checkpoint');
  t.deepEqual(await bucket.outcome(spec), await runHere(spec));
});
