import test from 'ava';
import { Client, Connection } from '@temporalio/client';
import { execa } from 'execa';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ArtifactStore } from '../../stores/artifacts.ts';
import { openS3Store } from '../../stores/s3.ts';
import { readResults, type ResultFiles } from '../end-to-end/results.ts';
import { startMinio } from '../servers/minio.ts';
import type { TestServer } from '../servers/process.ts';
import type { TestS3 } from '../servers/s3.ts';
import { eventually, KDX } from '../servers/stack.ts';
import { startTemporal } from '../servers/temporal.ts';
import { deploy, runBrief } from './deployment.ts';
import { blockedFrom } from './probe.ts';
import { describeRelease, type Release } from './release.ts';
import { CLUSTER, connect, openNamespace, type Namespace } from './world.ts';

/*
 * The chart on the cluster, its namespace under the restricted rules of pod security and its policies
 * enforced: installed, tested, used, upgraded under a study, removed. Each test goes on from the one before.
 */

const api = connect();
let server: TestS3;
let temporal: TestServer & { readonly address: string };
let client: Client;
let home: Namespace;
let store: ArtifactStore;
let release: Release;
let reference: ResultFiles;

test.before(async () => {
  server = await startMinio(CLUSTER.hostAddress);
  temporal = await startTemporal(CLUSTER.hostAddress);
  client = new Client({ connection: await Connection.connect({ address: temporal.address }) });
  const local = await deploy(server, 'chart-here');
  await local.run();
  reference = await readResults(local.store);
  await local.stop();
  home = await openNamespace(api, 'chart');
  const s3 = server.s3('chart');
  store = openS3Store(s3);
  await store.ensureBucket();
  await home.putSecret(s3);
  release = await describeRelease(home.name, s3, temporal.address);
});
test.after.always(async () => {
  await home.remove();
  await client.connection.close();
  await temporal.stop();
  await server.stop();
});

test.serial('installed, it runs a small study from the first workflow to the report', async (t) => {
  await release.helm('install');
  await release.test();
  t.true((await store.list('reports/')).length > 0);
});

test.serial('the command line finds the release, and its studies', async (t) => {
  const kdx = execa({ reject: false, env: { KDX_STATE_DIR: join(tmpdir(), home.name) } });
  const list = await kdx(process.execPath, [KDX, 'list', '--namespace', home.name]);
  t.is(list.exitCode, 0, list.stderr);
  t.regex(list.stdout, /smoke/);
  const other = await kdx(process.execPath, [KDX, 'list', '--namespace', 'default']);
  t.not(other.exitCode, 0);
  t.regex(other.stderr, /releases in the namespace default: found none; wanted one release/);
});

test.serial('a pod of a leg reaches the store and nothing else', async (t) => {
  const leg = {
    'app.kubernetes.io/name': 'kdexplainer',
    'app.kubernetes.io/instance': release.name,
    'app.kubernetes.io/component': 'leg',
    'app.kubernetes.io/managed-by': 'kdexplainer',
  };
  const { hostname, port } = new URL(server.url);
  const targets = {
    store: `${hostname}:${port}`,
    temporal: temporal.address,
    ...Object.fromEntries(
      CLUSTER.apiAddresses.flatMap((address) => [
        [`api-${address}-443`, `${address}:443`],
        [`api-${address}-6443`, `${address}:6443`],
      ]),
    ),
  };
  const others = Object.keys(targets).filter((name) => name !== 'store');
  // Without the labels of a leg it is open: the probe can tell.
  const free = await blockedFrom(home, 'free', {}, targets);
  t.false(free.includes('store'));
  t.false(free.includes('temporal'));
  t.deepEqual(await blockedFrom(home, 'leg', leg, targets), others);
});

test.serial(
  'the same study on the pool, a pod of it killed in the middle: the same bytes',
  async (t) => {
    const running = runBrief(client, 6, { executor: 'pool' });
    await eventually('a checkpoint', async () => (await store.list('checkpoints/')).length > 0);
    await home.deletePods(`app.kubernetes.io/component=pool-fake`);
    const { counts } = await running;
    t.is(counts.complete + counts.found, 6);
    const here = await readResults(store);
    for (const [name, bytes] of Object.entries(reference)) t.deepEqual(here[name], bytes, name);
  },
);

test.serial('upgraded under a study, it loses nothing', async (t) => {
  const running = runBrief(client, 40, { name: 'upgraded', executor: 'kubernetes' });
  await eventually('a checkpoint', async () => (await store.list('checkpoints/')).length > 0);
  await release.helm('upgrade', '--set', 'worker.podAnnotations.upgraded=yes');
  const { counts, launches } = await running;
  t.is(counts.complete + counts.found, 6);
  const jobs = (await home.jobs()).filter(
    ({ metadata }) => metadata.labels?.['kdx.dev/study'] === 'upgraded',
  );
  t.is(jobs.length, launches);
  t.true(jobs.every(({ metadata }) => metadata.name.endsWith('-n0')));
});

test.serial('the schedule of its janitor runs', async (t) => {
  const schedule = client.schedule.getHandle('kdx-kdexplainer-janitor');
  await schedule.trigger();
  await eventually('a round', async () => {
    const { info } = await schedule.describe();
    const [last] = info.recentActions;
    if (last?.action.type !== 'startWorkflow') return false;
    const { workflow } = last.action;
    const { status } = await client.workflow.getHandle(workflow.workflowId).describe();
    return status.name === 'COMPLETED';
  });
  t.pass();
});

test.serial('removed, it leaves nothing but the secret of the store', async (t) => {
  await release.uninstall();
  t.deepEqual(await home.leftovers(), [`Secret/store`]);
});
