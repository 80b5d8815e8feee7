import test, { type ExecutionContext } from 'ava';
import type { JobSettings } from '../../k8s/settings.ts';
import type { Result } from '../../leg/result.ts';
import { listRuns } from '../../stores/runs.ts';
import { readResults, type ResultFiles } from '../end-to-end/results.ts';
import { startMinio } from '../servers/minio.ts';
import type { TestS3 } from '../servers/s3.ts';
import { eventually } from '../servers/stack.ts';
import { deploy, type Deployment } from './deployment.ts';
import { CLUSTER, connect, jobSettings, openNamespace, type Namespace } from './world.ts';

/*
 * A whole study whose legs are Jobs, with the worker outside of the cluster, held against the same
 * study whose legs are processes.
 */

const api = connect();
let server: TestS3;
let reference: ResultFiles;

test.before(async () => {
  server = await startMinio(CLUSTER.hostAddress);
  const local = await deploy(server, 'processes');
  await local.run();
  reference = await readResults(local.store);
  await local.stop();
});
test.after.always(() => server.stop());

type World = {
  readonly home: Namespace;
  readonly deployment: Deployment;
};

async function world(t: ExecutionContext, bucket: string): Promise<World> {
  const home = await openNamespace(api, 'study');
  t.teardown(() => home.remove());
  const s3 = server.s3(bucket);
  await home.putSecret(s3);
  const settings: JobSettings = jobSettings(home.name, s3);
  const deployment = await deploy(server, bucket, settings);
  t.teardown(() => deployment.stop());
  return { home, deployment };
}

test.serial(
  'a study whose legs are Jobs leaves the bytes of one whose legs are processes',
  async (t) => {
    const { deployment, home } = await world(t, 'jobs');
    const started = performance.now();
    const { counts, launches } = await deployment.run();
    t.log(`${launches} legs in ${Math.round((performance.now() - started) / 1000)} s`);
    t.is(counts.complete + counts.found, 6);
    t.is((await home.jobs()).length, launches, 'a Job a launch');
    t.deepEqual(await readResults(deployment.store), reference);
  },
);

test.serial(
  'a worker that is killed takes no leg with it: the next one adopts its Jobs',
  async (t) => {
    const { deployment, home } = await world(t, 'killed');
    const { store, worker } = deployment;
    const running = deployment.run();
    await eventually('a checkpoint', async () => (await store.list('checkpoints/')).length > 0);
    await worker.restart();
    const { counts } = await running;
    t.is(counts.complete + counts.found, 6);
    for (const name of await store.list('results/')) {
      const { key, spec } = (await store.getJson(name)) as Result;
      t.is((await listRuns(store, key)).length, 1, `one pod for ${spec.kind}`);
    }
    const names = (await home.jobs()).map(({ metadata }) => metadata.name);
    t.true(
      names.every((name) => name.endsWith('-n0')),
      names.join(),
    );
    t.deepEqual(await readResults(store), reference);
  },
);

test.serial(
  'cancelled, a study has no pod after 30 seconds, and keeps its checkpoints',
  async (t) => {
    const { deployment, home } = await world(t, 'cancelled');
    const { store, client } = deployment;
    // Long enough that no leg ends by itself meanwhile.
    const running = t.throwsAsync(deployment.run(600));
    await eventually('a checkpoint', async () => (await store.list('checkpoints/')).length > 0);
    const started = performance.now();
    await client.workflow.getHandle('reproduce/brief').cancel();
    await eventually('no pod', async () => (await home.pods()).length === 0);
    const seconds = (performance.now() - started) / 1000;
    t.log(`no pod after ${seconds.toFixed(1)} s`);
    t.true(seconds < 30);
    await running;
    t.true((await store.list('checkpoints/')).length > 0);
  },
);
