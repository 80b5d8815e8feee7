import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import test from 'ava';
import { execa } from 'execa';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createBenchmarkActivities } from '../../../activities/benchmark.ts';
import { createCollectActivities } from '../../../activities/collect.ts';
import { buildOf } from '../../../bin/worker/build.ts';
import { runWorkers } from '../../../bin/worker/run.ts';
import { createWorkers } from '../../../bin/worker/workers.ts';
import { readDeployment } from '../../../environment/deployment.ts';
import { ROOT } from '../../../environment/root.ts';
import type { Leg } from '../../../leg/spec.ts';
import type { StudyStatus } from '../../../study/status.ts';
import { startTemporal } from '../../servers/temporal.ts';
import {
  activitiesOf,
  createWorld,
  done,
  quietRuntime,
  smallStudy,
  toolchain,
  workflowBundle,
  type World,
} from '../../workflows/world.ts';

const nothing = (): Promise<never> => Promise.reject(new Error('nobody asks for that here'));
type Address = { readonly address: string };

/** The workers of a build, as a process with all roles has them. */
async function serve({ address }: Address, world: World, buildId: string) {
  const connection = await NativeConnection.connect({ address });
  const activities = activitiesOf(world);
  const { runLeg } = activities;
  const artifacts = { getJson: nothing, list: nothing, putLatest: nothing };
  const catalog = { places: () => [], dataset: nothing, readCodeIndex: nothing };
  const unused = {
    ...createBenchmarkActivities({ artifacts, catalog }),
    ...createCollectActivities({} as Parameters<typeof createCollectActivities>[0]),
  };
  const served = {
    workflows: { ...unused, ...activities, bundle: await workflowBundle() },
    legs: { runLeg, queues: [{ name: 'kdx-legs-cpu', slots: 4 }], stopSeconds: 1 },
    reports: activities,
    records: activities,
  };
  const build = { deploymentName: 'kdx', buildId };
  const workers = await createWorkers(connection, 'default', served, build);
  const running = runWorkers(workers);
  return async (): Promise<void> => {
    for (const worker of workers) worker.shutdown();
    await running;
    await connection.close();
  };
}

async function temporal({ address }: Address, ...args: readonly string[]): Promise<string> {
  const options = ['--address', address, '--output', 'json'];
  return (await execa(toolchain().temporal, [...args, ...options])).stdout;
}

async function setCurrent({ address }: Address, buildId: string): Promise<void> {
  const args = ['worker', 'deployment', 'set-current-version', '--address', address, '--yes'];
  const version = ['--deployment-name', 'kdx', '--build-id', buildId];
  // The server has to have seen the build's workers on all of its queues.
  for (let tries = 40; ; tries--) {
    const { exitCode, stderr } = await execa({ reject: false })(toolchain().temporal, [
      ...[...args, ...version],
    ]);
    if (exitCode === 0) return;
    if (tries === 0) throw new Error(stderr);
    await sleep(250);
  }
}

test('a study ends on the build that it began on, and a new one begins on the new', async (t) => {
  quietRuntime();
  const server = await startTemporal();
  t.teardown(() => server.stop());
  const connection = await Connection.connect({ address: server.address });
  t.teardown(() => connection.close());
  const client = new Client({ connection });
  const start = (name: string, seed: number) =>
    client.workflow.start('reproduce', {
      ...{ taskQueue: 'kdx', workflowId: `reproduce/${name}` },
      args: [smallStudy({ name, seeds: { init: [seed], data: [seed] } })],
    });
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const old = createWorld(async (leg: Leg) => {
    await held;
    return done(old, leg);
  });
  const stopOld = await serve(server, old, '1.0.0-old');
  await setCurrent(server, '1.0.0-old');
  const before = await start('before', 1);
  while ((await before.query<StudyStatus>('status')).counts.running === 0) await sleep(50);

  const fresh = createWorld();
  const stopFresh = await serve(server, fresh, '1.1.0-new');
  await setCurrent(server, '1.1.0-new');
  const after = await start('after', 2);
  await after.result();
  release();
  await before.result();
  t.deepEqual([...new Set(old.legs.map(({ study }) => study))], ['before']);
  t.deepEqual([...new Set(fresh.legs.map(({ study }) => study))], ['after']);
  t.is(old.reports.length, 1);
  t.is(fresh.reports.length, 1);
  const ofOld = ['--deployment-name', 'kdx', '--build-id', '1.0.0-old'];
  await temporal(server, 'worker', 'deployment', 'describe', '--name', 'kdx');
  await temporal(server, 'worker', 'deployment', 'describe-version', ...ofOld);
  const query = `TemporalWorkerDeploymentVersion = "kdx:1.0.0-old" AND ExecutionStatus =`;
  const list = (status: string): Promise<string> =>
    temporal(server, 'workflow', 'list', '--query', `${query} "${status}"`);
  t.regex(await list('Completed'), /"reproduce\/before"/);
  while ((await list('Running')).includes('workflowId')) await sleep(100);
  await stopOld();
  await stopFresh();
});

test('a build is told by its version and its sources', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'kdx-build-'));
  t.teardown(() => rm(root, { recursive: true }));
  for (const room of ['workflows', 'activities', 'leg', 'study', 'statistics', 'learning']) {
    await mkdir(join(root, room));
  }
  await cp(join(ROOT, 'package.json'), join(root, 'package.json'));
  await writeFile(join(root, 'learning/code.json'), '{}');
  await writeFile(join(root, 'workflows/index.ts'), 'export {};\n');
  const first = await buildOf({ name: 'kdx' }, root);
  t.is(first.deploymentName, 'kdx');
  t.regex(first.buildId, /^\d+\.\d+\.\d+-[0-9a-f]{12}$/);
  t.deepEqual(await buildOf({ name: 'kdx' }, root), first);
  await writeFile(join(root, 'workflows/index.ts'), 'export { };\n');
  const second = await buildOf({ name: 'kdx' }, root);
  t.not(second.buildId, first.buildId);
  await writeFile(join(root, 'workflows/bundle.js'), 'compiled');
  t.not((await buildOf({ name: 'kdx' }, root)).buildId, second.buildId);
  const given = { name: 'kdx', buildId: 'mine' };
  t.deepEqual(await buildOf(given, root), { deploymentName: 'kdx', buildId: 'mine' });
});

test('a build without a deployment is refused', (t) => {
  t.is(readDeployment({}), undefined);
  t.deepEqual(readDeployment({ KDX_DEPLOYMENT: 'kdx' }), { name: 'kdx' });
  t.throws(() => readDeployment({ KDX_BUILD_ID: '1' }), {
    message: 'KDX_BUILD_ID: set without KDX_DEPLOYMENT, which it is a build of',
  });
});
