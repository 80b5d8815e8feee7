import test, { type ExecutionContext } from 'ava';
import { openCluster } from '../../bin/worker/cluster.ts';
import { jobName } from '../../k8s/names.ts';
import type { JobSettings } from '../../k8s/settings.ts';
import { EXIT } from '../../leg/outcome.ts';
import { DEFAULT_RESOURCES, type Leg } from '../../leg/spec.ts';
import { listRuns } from '../../stores/runs.ts';
import type { S3Options } from '../../stores/s3.ts';
import { canonicalJson, digestJson } from '../../study/canonical.ts';
import { studentSpec } from '../bin/trainer/specs.ts';
import { openBucket, type LegBucket } from '../bin/trainer/world.ts';
import { startMinio } from '../servers/minio.ts';
import { CLUSTER, connect, openNamespace, SECRET, type Namespace } from './world.ts';

const api = connect();

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

/** The store is on this machine: pods reach it there, as they would reach one outside their cluster. */
function settingsOf(name: string, s3: S3Options): JobSettings {
  const { endpoint, bucket } = s3;
  return {
    ...{ namespace: name, image: CLUSTER.trainerImage, imagePullPolicy: 'IfNotPresent' },
    // It computes on the CPU, and takes one of the node's GPUs all the same.
    flavours: [
      {
        ...{ name: 'fake', device: 'cpu', resource: 'nvidia.com/gpu' },
        ...{ cpu: '200m', memoryCapMiB: 4096 },
      },
    ],
    store: { endpoint, bucket, secret: SECRET },
    ...{ graceSeconds: 30, keepSeconds: 600, checkpointSeconds: 5, cacheMiB: 256 },
  };
}

/** A launch of a student's training, as the trial makes it. */
async function putLeg({ store }: LegBucket): Promise<Leg> {
  const spec = studentSpec();
  const leg: Leg = {
    ...{ key: digestJson(spec), spec, trial: 't', study: 's', run: '0a1b2c3d', launch: 0 },
    resources: DEFAULT_RESOURCES,
  };
  await store.putBlob(new TextEncoder().encode(canonicalJson(leg)));
  return leg;
}

test('a leg runs as a Job, and leaves the result that a process leaves', async (t) => {
  const server = await startMinio(CLUSTER.hostAddress);
  t.teardown(() => server.stop());
  const { name, putSecret } = await namespace(t);
  const bucket = await openBucket(server.s3('pods'));
  await putSecret(bucket.s3);
  const leg = await putLeg(bucket);
  const { executor, close } = openCluster(settingsOf(name, bucket.s3), bucket.store);
  t.teardown(close);
  const started = performance.now();
  const end = await executor.run(leg, {
    signal: new AbortController().signal,
    report: () => undefined,
  });
  t.log(`${jobName(leg)}: ${Math.round(performance.now() - started)} ms, ${end.detail}`);
  t.is(end.outcome, 'done', end.detail);
  t.is(end.processes.length, 1);
  t.true(end.deviceSeconds > 0);
  const [run] = await listRuns(bucket.store, leg.key);
  t.like(run, { process: end.processes[0]?.name, host: end.host });

  const here = await openBucket(server.s3('processes'));
  t.is((await here.run(leg.spec)).code, EXIT.done);
  t.deepEqual(await bucket.outcome(leg.spec), await here.outcome(leg.spec));
});
