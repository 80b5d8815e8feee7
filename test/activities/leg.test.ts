import { ActivityCancellationDetails, CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import test from 'ava';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LegActivities, LegHeartbeat, LegReport } from '../../activities/contract.ts';
import { createLegActivities } from '../../activities/leg.ts';
import type { Executor, LegEnd } from '../../leg/ports.ts';
import { KdxError } from '../../leg/errors.ts';
import type { Leg } from '../../leg/spec.ts';
import { commitResult } from '../../stores/results.ts';
import { digestJson } from '../../study/canonical.ts';
import { emptyStore } from '../cli/study/store.ts';
import { leg } from '../executors/leg.ts';
import { quietRuntime } from '../workflows/world.ts';

test.before(quietRuntime);

const { spec, ...rest } = leg('a');
const LEG: Leg = { ...rest, spec, key: digestJson(spec) };
/** The end of a launch whose process has run since `from`. */
function stoppedAfter(from: number, name = 'p1'): LegEnd {
  const seconds = (performance.now() - from) / 1000;
  const process = { name, host: 'h1', startedAt: '2026-11-24T04:00:00Z', seconds, exit: 75 };
  return {
    ...{ outcome: 'stopped', detail: 'exit 75', host: 'h1' },
    ...{ processes: [process], deviceSeconds: seconds },
  };
}

/** An executor whose legs end after some time, or when they are told to. */
function executorOf(seconds: number): Executor {
  return {
    name: 'local',
    run: async (_leg, { signal }) => {
      const from = performance.now();
      await sleep(seconds * 1000, undefined, { signal }).catch(() => undefined);
      return stoppedAfter(from);
    },
    stop: () => Promise.resolve(),
  };
}

/** The attempt that follows one whose last heartbeat said so. */
const after = (deviceSeconds: number): MockActivityEnvironment =>
  new MockActivityEnvironment({ heartbeatDetails: heartbeatOf(deviceSeconds) });

function heartbeatOf(seconds: number): LegHeartbeat {
  const process = { name: 'p0', host: 'h0', startedAt: '2026-11-24T03:00:00Z', seconds };
  return { processes: [process], deviceSeconds: seconds };
}

async function run(
  environment: MockActivityEnvironment,
  runLeg: LegActivities['runLeg'],
): Promise<LegReport> {
  const report: LegReport = await environment.run(runLeg, LEG);
  return report;
}

const between = (value: number | undefined, least: number, most: number): boolean =>
  value !== undefined && value >= least && value <= most;

test('a launch tells for how long it held its device', async (t) => {
  const { runLeg } = createLegActivities({
    artifacts: await emptyStore(t),
    executor: executorOf(0.3),
  });
  const { deviceSeconds, outcome } = await run(new MockActivityEnvironment(), runLeg);
  t.is(outcome, 'stopped');
  t.true(between(deviceSeconds, 0.29, 55), String(deviceSeconds));
});

test('an attempt goes on counting where the lost one before it has stopped', async (t) => {
  const environment = after(100);
  const heartbeats: LegHeartbeat[] = [];
  environment.on('heartbeat', (heartbeat: LegHeartbeat) => heartbeats.push(heartbeat));
  const { runLeg } = createLegActivities({
    artifacts: await emptyStore(t),
    executor: executorOf(0.3),
  });
  const { deviceSeconds } = await run(environment, runLeg);
  t.true(between(deviceSeconds, 100.29, 105), String(deviceSeconds));
  t.true(between(heartbeats[0]?.deviceSeconds, 100, 105), 'the next attempt would know it too');
});

test('an attempt that adopts the process of a lost one counts it whole', async (t) => {
  let process: Promise<LegEnd> | undefined;
  const from = performance.now();
  const executor: Executor = {
    name: 'local',
    run: () => (process ??= sleep(600).then(() => stoppedAfter(from))),
    stop: () => Promise.resolve(),
  };
  const { runLeg } = createLegActivities({ artifacts: await emptyStore(t), executor });
  const lost = new MockActivityEnvironment();
  lost.once('heartbeat', () => {
    setTimeout(() => {
      lost.cancel('TIMED_OUT', new ActivityCancellationDetails({ timedOut: true }));
    }, 50);
  });
  await t.throwsAsync(run(lost, runLeg));
  await sleep(200);
  const { deviceSeconds } = await run(after(0), runLeg);
  t.true(between(deviceSeconds, 0.55, 55), String(deviceSeconds));
});

test('a result that a lost attempt has left costs what that attempt used', async (t) => {
  const artifacts = await emptyStore(t);
  const { key } = LEG;
  await commitResult(artifacts, {
    schema: 1,
    key,
    spec,
    status: 'complete',
    metrics: {},
    files: {},
  });
  const { runLeg } = createLegActivities({ artifacts, executor: executorOf(0) });
  t.is((await run(after(100), runLeg)).deviceSeconds, 100);
  t.is((await run(new MockActivityEnvironment(), runLeg)).deviceSeconds, 0);
});

test('a Job that has left its result is waited for while it may still evaluate', async (t) => {
  const artifacts = await emptyStore(t);
  await commitResult(artifacts, {
    ...{ schema: 1, key: LEG.key, spec: LEG.spec, status: 'complete' },
    ...{ metrics: {}, files: {} },
  });
  const adopted: string[] = [];
  const executor: Executor = {
    ...{ name: 'kubernetes', stop: () => Promise.resolve() },
    run: (launched) => {
      adopted.push(launched.key);
      return Promise.resolve({ ...stoppedAfter(performance.now()), outcome: 'done' });
    },
  };
  const { runLeg } = createLegActivities({ artifacts, executor });
  const evaluation = { trial: 't/evaluation', spec: {} } as unknown as Leg['evaluation'] & object;
  const attempt = async (number: number, changes: Partial<Leg>): Promise<void> => {
    const environment = new MockActivityEnvironment({ attempt: number });
    await environment.run(runLeg, { ...LEG, ...changes });
  };
  await attempt(1, { evaluation });
  await attempt(2, {});
  t.deepEqual(adopted, []);
  await attempt(2, { evaluation });
  t.deepEqual(adopted, [LEG.key]);
});

test('a cancelled leg says in its failure what it has used', async (t) => {
  const environment = after(100);
  const long = executorOf(60);
  const executor: Executor = {
    ...long,
    run: (leg, watch) => {
      setTimeout(() => environment.cancel(), 500);
      return long.run(leg, watch);
    },
  };
  const { runLeg } = createLegActivities({ artifacts: await emptyStore(t), executor });
  const failure = await t.throwsAsync(environment.run(runLeg, LEG), {
    instanceOf: CancelledFailure,
  });
  const [heartbeat] = failure?.details as readonly LegHeartbeat[];
  t.true(between(heartbeat?.deviceSeconds, 100.3, 155), String(heartbeat?.deviceSeconds));
});

/** An executor that notes what it was asked to run, and ends at once. */
function notingExecutor(end: () => LegEnd): Executor & { readonly ran: Leg[] } {
  const ran: Leg[] = [];
  return {
    name: 'local',
    ran,
    run: (asked) => {
      ran.push(asked);
      return Promise.resolve(end());
    },
    stop: () => Promise.resolve(),
  };
}

test('an attempt that was given up during its first look-up launches nothing', async (t) => {
  const store = await emptyStore(t);
  const environment = new MockActivityEnvironment();
  const executor = notingExecutor(() => stoppedAfter(performance.now()));
  const slow = {
    ...store,
    getJson: async (name: string) => {
      environment.cancel('TIMED_OUT', new ActivityCancellationDetails({ timedOut: true }));
      await sleep(50);
      return store.getJson(name);
    },
  };
  const heartbeats: LegHeartbeat[] = [];
  environment.on('heartbeat', (heartbeat: LegHeartbeat) => heartbeats.push(heartbeat));
  const { runLeg } = createLegActivities({ artifacts: slow, executor });
  await t.throwsAsync(run(environment, runLeg));
  t.deepEqual(executor.ran, []);
  t.true(heartbeats.length >= 1, 'it had a heartbeat before that wait');
});

test('the end of a leg is kept while the store is away, also for another worker', async (t) => {
  const store = await emptyStore(t);
  const executor = notingExecutor(() => ({
    ...stoppedAfter(performance.now()),
    outcome: 'hostMemory',
  }));
  let away = false;
  const flaky = {
    ...store,
    getJson: (name: string) =>
      away ? Promise.reject(new KdxError('ObjectStore', 'away')) : store.getJson(name),
    putBlob: async (bytes: Uint8Array) => {
      away = true;
      return store.putBlob(bytes);
    },
  };
  const first = new MockActivityEnvironment();
  let last: LegHeartbeat | undefined;
  first.on('heartbeat', (heartbeat: LegHeartbeat) => (last = heartbeat));
  const activities = createLegActivities({ artifacts: flaky, executor });
  await t.throwsAsync(run(first, activities.runLeg), { message: 'away' });
  t.is(last?.end?.outcome, 'hostMemory');
  away = false;
  t.is((await run(new MockActivityEnvironment(), activities.runLeg)).outcome, 'hostMemory');
  const elsewhere = createLegActivities({ artifacts: store, executor });
  const next = new MockActivityEnvironment({ heartbeatDetails: last });
  t.is((await run(next, elsewhere.runLeg)).outcome, 'hostMemory');
  t.is(executor.ran.length, 1, 'it was launched once');
});

test('a paused leg, and one of a worker that shuts down, has not come to its end', async (t) => {
  for (const details of [{ paused: true }, { workerShutdown: true }]) {
    const environment = new MockActivityEnvironment();
    const artifacts = await emptyStore(t);
    const { runLeg } = createLegActivities({ artifacts, executor: executorOf(60) });
    let last: LegHeartbeat | undefined;
    environment.on('heartbeat', (heartbeat: LegHeartbeat) => (last = heartbeat));
    setTimeout(
      () => environment.cancel('CANCELLED', new ActivityCancellationDetails(details)),
      500,
    );
    await t.throwsAsync(run(environment, runLeg), { instanceOf: CancelledFailure });
    t.is(last?.end, undefined, 'the next attempt goes on with this launch');
  }
});

test('a leg that has failed on this host is left to others, but not for ever', async (t) => {
  const artifacts = await emptyStore(t);
  const executor = notingExecutor(() => stoppedAfter(performance.now()));
  const failed: Leg = { ...LEG, avoidHosts: ['h1'] };
  const scheduled = (secondsAgo: number): MockActivityEnvironment =>
    new MockActivityEnvironment({ scheduledTimestampMs: Date.now() - secondsAgo * 1000 });
  const here = createLegActivities({ artifacts, executor, host: 'h1' });
  await t.throwsAsync(scheduled(1).run(here.runLeg, failed), { message: /left to another host/ });
  t.deepEqual(executor.ran, []);
  const there = createLegActivities({ artifacts, executor, host: 'h2' });
  await scheduled(1).run(there.runLeg, failed);
  await scheduled(31).run(here.runLeg, failed);
  t.is(executor.ran.length, 2);
});
