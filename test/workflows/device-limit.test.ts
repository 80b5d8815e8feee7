import { Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import test from 'ava';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LegReport } from '../../activities/contract.ts';
import type { Leg } from '../../leg/spec.ts';
import type { StudyInput } from '../../study/schema.ts';
import type { StudyStatus } from '../../study/status.ts';
import type { StudySummary } from '../../workflows/study.ts';
import { trialWorkflowId } from '../../workflows/trial.ts';
import {
  activitiesOf,
  createWorld,
  developmentServer,
  done,
  smallStudy,
  timeSkippingServer,
  withWorkers,
  type World,
} from './world.ts';

const HOUR = 3600;

let server: TestWorkflowEnvironment;
test.beforeEach(async () => {
  server = await timeSkippingServer();
});
test.afterEach.always(async () => {
  await server.teardown();
});

async function start(study: StudyInput, on = server, type = 'reproduce'): Promise<WorkflowHandle> {
  const workflowId = `${type}/${study.name}`;
  return await on.client.workflow.start(type, { taskQueue: 'kdx', workflowId, args: [study] });
}

/** The failure of ours that a study ended with. */
async function failureOf(handle: WorkflowHandle): Promise<ApplicationFailure> {
  const error: unknown = await handle.result().catch((reason: unknown) => reason);
  if (error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure) {
    return error.cause;
  }
  throw new Error(`the workflow did not fail as one of ours: ${String(error)}`);
}

/** A small study, one trial at a time, with a limit. */
function limited(gpuHours: number, changes: Partial<StudyInput> = {}): StudyInput {
  return smallStudy({ limits: { parallel: 1, gpuHours }, ...changes });
}

/** Legs that hold a device for an hour each. */
function hourly(): World {
  const world = createWorld((leg) => ({ ...done(world, leg), deviceSeconds: HOUR }));
  return world;
}

const ended = (outcome: LegReport['outcome'], epoch = 0): LegReport => ({
  outcome,
  host: 'h1',
  processes: [],
  detail: 'exit',
  reached: { epoch, step: 0 },
  deviceSeconds: HOUR,
});

test.serial('a study launches no further leg once its legs have used the limit', async (t) => {
  const world = hourly();
  await withWorkers(server, activitiesOf(world), async () => {
    const handle = await start(limited(3));
    const failure = await failureOf(handle);
    t.is(failure.type, 'BudgetExceeded');
    t.regex(
      failure.message,
      /^\$\.limits\.gpuHours: 3 h used; allowed: 3 h; 7 of 10 trials undone: \S+, \S+, \S+ and 4 more$/,
    );
    const status = await handle.query<StudyStatus>('status');
    t.like(status, { phase: 'failed', gpuHours: { used: 3, limit: 3 } });
    t.like(status.counts, { complete: 3, cancelled: 7, failed: 0, blocked: 0, waiting: 0 });
    t.like(failure.details?.[0], { launches: 3, gpuHours: { used: 3, limit: 3 } });
  });
  t.is(world.legs.length, 3);
  t.is(world.reports.length, 1, 'the report of what was done');
});

test.serial(
  'started again with a higher limit, a study finds what is done and goes on',
  async (t) => {
    const world = hourly();
    const study = limited(3);
    await withWorkers(server, activitiesOf(world), async () => {
      await failureOf(await start(study));
      const raised = { ...study, limits: { parallel: 1, gpuHours: 7.5 } };
      const summary = (await (await start(raised)).result()) as StudySummary;
      t.like(summary, { launches: 7, counts: { found: 3, complete: 7 } });
      t.deepEqual(summary.gpuHours, { used: 7, limit: 7.5 }, 'the first run is not counted');
    });
    t.is(new Set(world.legs.map(({ key }) => key)).size, 10, 'the limit is in no key');
  },
);

test.serial('extended while it runs, a study goes on to its new limit', async (t) => {
  const world = hourly();
  const usual = world.leg;
  let handle: WorkflowHandle | undefined;
  const answers: unknown[] = [];
  const extend = (hours: unknown) => handle?.executeUpdate('extendBudget', { args: [hours] });
  world.leg = async (leg) => {
    if (world.legs.length === 3) {
      for (const bad of [0, -1, '2', null, 1e7]) {
        const error = await t.throwsAsync(async () => extend(bad));
        answers.push(error?.cause instanceof Error ? error.cause.message : error?.message);
      }
      answers.push(await extend(3), await extend(1.5));
    }
    return await usual(leg);
  };
  await withWorkers(server, activitiesOf(world), async () => {
    handle = await start(limited(3));
    const failure = await failureOf(handle);
    t.regex(failure.message, /^\S+ 8 h used; allowed: 7\.5 h; 2 of 10 trials undone: /);
  });
  t.deepEqual(answers, [
    ...['0', '-1', '"2"', 'null', '10000000'].map(
      (found) => `extendBudget: found ${found}; allowed: hours, above 0, at most 1e6`,
    ),
    ...[6, 7.5],
  ]);
});

test.serial('a study without a limit has none to extend', async (t) => {
  const world = hourly();
  const usual = world.leg;
  let handle: WorkflowHandle | undefined;
  world.leg = async (leg) => {
    if (world.legs.length === 1) {
      const error = await t.throwsAsync(async () =>
        handle?.executeUpdate('extendBudget', { args: [1] }),
      );
      const why = error?.cause instanceof Error ? error.cause.message : '';
      t.is(why, 'extendBudget: the study sets no limits.gpuHours; allowed: one that does');
    }
    return await usual(leg);
  };
  await withWorkers(server, activitiesOf(world), async () => {
    handle = await start(smallStudy());
    await handle.result();
  });
});

test.serial('what is found costs nothing', async (t) => {
  const world = hourly();
  const study = smallStudy();
  await withWorkers(server, activitiesOf(world), async () => {
    await (await start(study)).result();
    const again = { ...study, limits: { gpuHours: 1e-9 } };
    const summary = (await (await start(again)).result()) as StudySummary;
    t.like(summary, { launches: 0, counts: { found: 10 }, gpuHours: { used: 0 } });
  });
});

test.serial('a limit that is reached with the last leg fails nothing', async (t) => {
  const world = hourly();
  await withWorkers(server, activitiesOf(world), async () => {
    const summary = (await (await start(limited(10))).result()) as StudySummary;
    t.deepEqual(summary.gpuHours, { used: 10, limit: 10 });
  });
});

test.serial('launches that were cut short or failed count as well', async (t) => {
  const world = hourly();
  const usual = world.leg;
  world.leg = (leg) => {
    if (leg.trial === 'teacher/big') return leg.launch < 2 ? ended('disrupted') : ended('badSpec');
    return usual(leg);
  };
  await withWorkers(server, activitiesOf(world), async () => {
    const handle = await start(limited(4));
    const failure = await failureOf(handle);
    t.is(failure.type, 'BudgetExceeded');
    t.regex(
      failure.message,
      /^\S+ 4 h used; allowed: 4 h; 1 of 10 trials undone: \S+; 1 of 10 trials failed, 7 blocked/,
    );
    t.like((await handle.query<StudyStatus>('status')).counts, { failed: 1, blocked: 7 });
  });
  t.is(world.legs.length, 4);
});

/** A leg that beats until it is cancelled, and says then what it has used, as `runLeg` does. */
async function untilCancelled(deviceSeconds: number): Promise<never> {
  const context = Context.current();
  const beat = setInterval(() => context.heartbeat({ deviceSeconds }), 100);
  try {
    return await context.cancelled;
  } catch {
    throw new CancelledFailure('the leg was stopped', [{ deviceSeconds }]);
  } finally {
    clearInterval(beat);
  }
}

async function until(world: World, says: (world: World) => boolean): Promise<void> {
  while (!says(world)) await sleep(20);
}

test.serial('legs under way are measured, and stopped when they have used the limit', async (t) => {
  const world = createWorld(() => untilCancelled(2 * HOUR));
  const study = smallStudy({ limits: { parallel: 2, gpuHours: 0.002 } });
  const slept = 10 * 1000;
  await withWorkers(server, activitiesOf(world), async () => {
    const handle = await start(study);
    await until(world, ({ legs }) => legs.length === 2);
    await server.sleep(slept);
    await until(world, ({ measured }) => measured.length === 1);
    const waiting = await handle.query<StudyStatus>('status');
    t.is(waiting.counts.running, 2, 'trials that wait for a slot have used nothing');
    const [first] = world.legs;
    world.measure = (id) => (id === trialWorkflowId(first?.key ?? '') ? 7 : 1);
    await server.sleep(slept);
    const failure = await failureOf(handle);
    t.is(failure.type, 'BudgetExceeded');
    t.regex(
      failure.message,
      /^\S+ 4 h used; allowed: 0\.002 h; 10 of 10 trials undone: teacher\/big, /,
    );
    t.like((await handle.query<StudyStatus>('status')).counts, { cancelled: 10 });
  });
  t.is(world.legs.length, 2);
  t.deepEqual(
    world.measured[0]?.toSorted(),
    world.legs.map(({ key }) => trialWorkflowId(key)).toSorted(),
  );
});

test.serial('a leg that was stopped at the limit is launched by the next start', async (t) => {
  const world = createWorld((leg) =>
    leg.trial === 'teacher/big'
      ? untilCancelled(HOUR)
      : { ...done(world, leg), deviceSeconds: HOUR },
  );
  const study = smallStudy({ limits: { parallel: 2, gpuHours: 1 } });
  await withWorkers(server, activitiesOf(world), async () => {
    // Another leg has used the hour: nobody has to measure the teacher.
    const failure = await failureOf(await start(study));
    t.regex(failure.message, /^\S+ 2 h used; allowed: 1 h; 9 of 10 trials undone: teacher\/big, /);
    t.is(world.measured.length, 0);
    world.leg = (leg) => done(world, leg);
    const summary = (await (await start(study)).result()) as StudySummary;
    t.like(summary.counts, { found: 1, complete: 9 });
  });
});

test.serial('a twin of a trial that was stopped is undone, not failed', async (t) => {
  const world = createWorld((leg) =>
    leg.spec.kind === 'train' ? untilCancelled(HOUR) : { ...done(world, leg), deviceSeconds: HOUR },
  );
  const twins = ['CE', 'same'].map((id) => ({ id, distillers: [{ name: 'ce' as const }] }));
  const train = { epochs: 2, optimizer: { name: 'sgd' as const } };
  const study = smallStudy({
    teachers: [],
    seeds: { init: [1], data: [1] },
    sweep: { students: [{ name: 'resnet8' }], methods: twins, train },
    limits: { parallel: 2, gpuHours: 0.001 },
  });
  world.measure = () => HOUR;
  await withWorkers(server, activitiesOf(world), async () => {
    const handle = await start(study);
    await until(world, ({ legs }) => legs.length === 1);
    await server.sleep(10 * 1000);
    const failure = await failureOf(handle);
    t.regex(failure.message, /; 4 of 4 trials undone: [^;]*$/);
  });
});

test.serial('a study without a limit measures nothing and counts nothing', async (t) => {
  const world = hourly();
  await withWorkers(server, activitiesOf(world), async () => {
    const handle = await start(smallStudy());
    const summary = (await handle.result()) as StudySummary;
    t.false('gpuHours' in summary);
    t.false('gpuHours' in (await handle.query<StudyStatus>('status')));
    const { events } = await handle.fetchHistory();
    t.false(events?.some((event) => event.workflowExecutionSignaledEventAttributes));
  });
  t.is(world.measured.length, 0);
});

test.serial('the account outlives the history: continuing as new hands it on', async (t) => {
  const short = await developmentServer([
    '--dynamic-config-value',
    'limit.historyCount.suggestContinueAsNew=60',
  ]);
  const world = hourly();
  try {
    await withWorkers(short, activitiesOf(world), async () => {
      const handle = await start(limited(8), short);
      const first = (await handle.describe()).runId;
      const failure = await failureOf(handle);
      t.is(failure.type, 'BudgetExceeded');
      t.regex(failure.message, /^\S+ 8 h used; allowed: 8 h; 2 of 10 trials undone: [^,]+, [^,]+$/);
      const last = await short.client.workflow.getHandle(handle.workflowId).describe();
      t.not(last.runId, first, 'the history was never cut');
    });
  } finally {
    await short.teardown();
  }
  t.is(world.legs.length, 8);
});

test.serial('a user who cancels one trial does not hide what it used', async (t) => {
  const isTeacher = ({ trial }: Leg): boolean => trial === 'teacher/big';
  const world = createWorld((leg) =>
    isTeacher(leg) ? untilCancelled(HOUR) : { ...done(world, leg), deviceSeconds: HOUR },
  );
  await withWorkers(server, activitiesOf(world), async () => {
    const handle = await start(limited(2));
    await until(world, ({ legs }) => legs.length === 1);
    const workflowId = trialWorkflowId(world.legs.find(isTeacher)?.key ?? '');
    await server.client.workflow.getHandle(workflowId).cancel();
    const failure = await failureOf(handle);
    t.regex(
      failure.message,
      /^\S+ 2 h used; allowed: 2 h; 1 of 10 trials undone: \S+; 1 of 10 trials failed/,
    );
  });
  t.is(world.legs.length, 2);
});
