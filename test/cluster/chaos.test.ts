import test from 'ava';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Result } from '../../leg/result.ts';
import { listRuns } from '../../stores/runs.ts';
import { startMinio } from '../servers/minio.ts';
import type { TestS3 } from '../servers/s3.ts';
import { eventually } from '../servers/stack.ts';
import { deploy } from './deployment.ts';
import { CLUSTER, connect, jobSettings, openNamespace, type Namespace } from './world.ts';

/* More Jobs than devices, and the worker that waits for them killed in the middle. */

const api = connect();
let server: TestS3;

test.before(async () => {
  server = await startMinio(CLUSTER.hostAddress);
});
test.after.always(() => server.stop());

const STUDENTS = 50;
const SEEDS = Array.from({ length: STUDENTS / 2 }, (_, index) => 1029 + index);

/** How many pods were seen to run at once. */
async function mostRunning(home: Namespace, done: AbortSignal): Promise<number> {
  let most = 0;
  while (!done.aborted) {
    const running = (await home.pods()).filter(({ status }) => status?.phase === 'Running');
    most = Math.max(most, running.length);
    await sleep(200);
  }
  return most;
}

test('fifty Jobs at once, eight devices, the worker killed: each leg runs in one pod', async (t) => {
  const home = await openNamespace(api, 'chaos');
  t.teardown(() => home.remove());
  const s3 = server.s3('chaos');
  await home.putSecret(s3);
  const { store, worker, run, stop } = await deploy(server, 'chaos', jobSettings(home.name, s3));
  t.teardown(stop);
  const running = run(1, {
    seeds: { init: SEEDS, data: SEEDS },
    limits: { parallel: STUDENTS },
  });
  const done = new AbortController();
  t.teardown(() => done.abort());
  const most = mostRunning(home, done.signal);
  await eventually('all Jobs', async () => (await home.jobs()).length > STUDENTS);
  await worker.restart();
  const { counts, launches } = await running;
  done.abort();
  t.log(`${launches} launches, at most ${await most} pods at once`);
  t.true((await most) <= CLUSTER.gpus);
  t.true((await most) > 1);
  // A training and its evaluation each, the teacher's too.
  t.is(counts.complete + counts.found, 2 * (STUDENTS + 1));
  const names = (await home.jobs()).map(({ metadata }) => metadata.name);
  // A student that starts before the teacher is done does not know its evaluation yet: that is a leg more.
  t.true(launches >= STUDENTS + 1 && launches <= 2 * STUDENTS + 1);
  t.is(names.length, launches, 'a Job a launch');
  t.true(names.every((name) => name.endsWith('-n0')));
  for (const name of await store.list('results/')) {
    const { key, spec } = (await store.getJson(name)) as Result;
    const runs = await listRuns(store, key);
    t.is(runs.length, 1, `one process for ${spec.kind}`);
    t.is(runs[0]?.resumedFrom, undefined);
  }
});
