import test from 'ava';
import { setTimeout as sleep } from 'node:timers/promises';
import { listRuns } from '../../stores/runs.ts';
import { digestJson } from '../../study/canonical.ts';
import type { Result } from '../../leg/result.ts';
import { startMinio } from '../servers/minio.ts';
import type { TestS3 } from '../servers/s3.ts';
import { eventually } from '../servers/stack.ts';
import { readResults } from '../end-to-end/results.ts';
import { controlPlane } from './control-plane.ts';
import { deploy } from './deployment.ts';
import { longSpec, openPlace } from './legs.ts';
import { provideQueue } from './queue.ts';
import { provideWitness } from './witness.ts';
import { CLUSTER, connect, jobSettings, openNamespace } from './world.ts';

/*
 * Parts of Kubernetes that go away, on the cluster of scripts/cluster alone: nobody stops the API server
 * of a cluster that others use.
 */

const api = connect();
let server: TestS3;
/** How long each is away. */
const OUTAGE_SECONDS = Number(process.env['CLUSTER_OUTAGE_SECONDS'] ?? 45);

test.before(async () => {
  server = await startMinio(CLUSTER.hostAddress);
});
test.after.always(async () => {
  await controlPlane.start();
  await server.stop();
});

test.serial(
  'Kueue and the API server away: no failure, no Job twice, the same bytes',
  async (t) => {
    const local = await deploy(server, 'away-here');
    await local.run();
    const reference = await readResults(local.store);
    await local.stop();
    const home = await openNamespace(api, 'away');
    t.teardown(() => home.remove());
    t.teardown(await provideQueue(api, home.name));
    const s3 = server.s3('away');
    await home.putSecret(s3);
    const settings = { ...jobSettings(home.name, s3), queue: 'legs' };
    const { store, run, stop } = await deploy(server, 'away', settings);
    t.teardown(stop);
    await controlPlane.killKueue();
    const running = run();
    await sleep(OUTAGE_SECONDS * 1000);
    t.deepEqual(await home.jobs(), [], 'its webhook refuses every Job');
    await controlPlane.start();
    await eventually('a checkpoint', async () => (await store.list('checkpoints/')).length > 0);
    await controlPlane.stopApiServer();
    await sleep(OUTAGE_SECONDS * 1000);
    await controlPlane.start();
    const { counts, launches } = await running;
    t.is(counts.complete + counts.found, 6);
    const names = (await home.jobs()).map(({ metadata }) => metadata.name);
    t.is(names.length, launches, 'a Job a launch');
    t.true(
      names.every((name) => name.endsWith('-n0')),
      names.join(),
    );
    for (const name of await store.list('results/')) {
      const { key } = (await store.getJson(name)) as Result;
      t.is((await listRuns(store, key)).length, 1);
    }
    t.deepEqual(await readResults(store), reference);
  },
);

test.serial('a node that is lost with its pod: freed by force, and gone on with', async (t) => {
  t.teardown(await provideWitness(api));
  const settings = jobSettings('', server.s3('lost'));
  const lost = { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 2 };
  const tolerations = ['not-ready', 'unreachable'].map((taint) => {
    return { key: `node.kubernetes.io/${taint}`, ...lost };
  });
  const { bucket, run, runHere, checkpointed } = await openPlace(t, server, 'lost', {
    settings: {
      flavours: settings.flavours.map((flavour) => ({ ...flavour, tolerations })),
      graceSeconds: 5,
    },
    limits: { stuckSeconds: 5, progressSeconds: 5 },
  });
  const spec = longSpec(250);
  const running = run(spec);
  await checkpointed(spec);
  await controlPlane.stopKubelet();
  await sleep((NOT_READY_SECONDS + 40) * 1000);
  await controlPlane.start();
  const end = await running;
  t.is(end.outcome, 'done', end.detail);
  t.true(end.processes.length > 1);
  t.is(new Set(end.processes.map(({ name }) => name)).size, end.processes.length);
  t.log(end.processes.map(({ exit }) => exit ?? 'lost').join(', '));
  const done = (await listRuns(bucket.store, digestJson(spec))).filter(
    ({ outcome }) => outcome === 'done',
  );
  t.is(done.length, 1);
  t.deepEqual(await bucket.outcome(spec), await runHere(spec));
});

/** After so long without a word a node is not ready, and two seconds later its pods are to go. */
const NOT_READY_SECONDS = 50;
