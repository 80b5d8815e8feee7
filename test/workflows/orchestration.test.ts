import { Context } from '@temporalio/activity';
import { WorkflowFailedError, WorkflowUpdateFailedError } from '@temporalio/client';
import type { WorkflowHandle } from '@temporalio/client';
import type { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import test from 'ava';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LegReport } from '../../activities/contract.ts';
import { evaluationLeg } from '../../bin/trainer/evaluation-leg.ts';
import type { Leg } from '../../leg/spec.ts';
import type { StudyInput } from '../../study/schema.ts';
import type { StudyStatus } from '../../study/status.ts';
import { trialWorkflowId } from '../../workflows/trial.ts';
import type { StudySummary } from '../../workflows/study.ts';
import {
  activitiesOf,
  askingActivities,
  createWorld,
  developmentServer,
  done,
  failuresIn,
  smallStudy,
  withWorkers,
  type World,
} from './world.ts';

let server: TestWorkflowEnvironment;
test.before(async () => {
  server = await developmentServer();
});
test.after.always(async () => {
  await server.teardown();
});

async function start(study: StudyInput, type = 'reproduce'): Promise<WorkflowHandle> {
  const workflowId = `${type}/${study.name}`;
  return await server.client.workflow.start(type, { taskQueue: 'kdx', workflowId, args: [study] });
}

async function until(handle: WorkflowHandle, says: (status: StudyStatus) => boolean) {
  for (;;) {
    const now = await handle.query<StudyStatus>('status');
    if (says(now)) return now;
    await sleep(50);
  }
}

async function failureOf(handle: WorkflowHandle): Promise<ApplicationFailure> {
  const error: unknown = await handle.result().catch((reason: unknown) => reason);
  if (error instanceof WorkflowFailedError) return error.cause as ApplicationFailure;
  throw new Error(`the workflow has not failed: ${String(error)}`);
}

const recorded = ({ name }: StudyInput): Promise<unknown> =>
  server.client.workflow.getHandle(`record/${name}`).result();

/** Seeds that no other test shares: keys of equal studies are equal, and so are their trials. */
let unique = 100;
function study(changes: Partial<StudyInput> = {}, seeds = 2): StudyInput {
  unique += seeds;
  const own = Array.from({ length: seeds }, (_, i) => unique * 100 + i);
  return smallStudy({ seeds: { init: own, data: own }, ...changes });
}

const ended = (outcome: LegReport['outcome'], host = 'h1'): LegReport => ({
  ...{ outcome, host, detail: 'exit 70', processes: [], deviceSeconds: 0 },
});

const isTeacher = ({ trial }: Leg): boolean => trial === 'teacher/big';
const isPlain = ({ trial }: Leg): boolean => /^sweep\/.*\/CE\/s\d+$/.test(trial);
const isStudent = ({ trial }: Leg): boolean => /^sweep\/.*\/s\d+$/.test(trial);

/** Legs that wait until they are let go. */
function gated(): { world: World; letGo: () => void } {
  const world = createWorld();
  const gate = Promise.withResolvers<void>();
  world.leg = async (leg) => {
    await gate.promise;
    return done(world, leg);
  };
  return { world, letGo: gate.resolve };
}

test.serial('failed trials are not retried while the report is drawn', async (t) => {
  const world = createWorld((leg) => (isTeacher(leg) ? ended('badData') : done(world, leg)));
  const activities = activitiesOf(world);
  const [drawing, drawn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const renderReport: typeof activities.renderReport = async (input) => {
    drawing.resolve();
    await drawn.promise;
    return await activities.renderReport(input);
  };
  await withWorkers(server, { ...activities, renderReport }, async () => {
    const handle = await start(study());
    await drawing.promise;
    const error = await t.throwsAsync(handle.executeUpdate('retryFailed'), {
      instanceOf: WorkflowUpdateFailedError,
    });
    t.regex(
      (error?.cause as Error).message,
      /^retryFailed: the study is reporting; allowed: while/,
    );
    drawn.resolve();
    const failure = await failureOf(handle);
    t.is(failure.type, 'DataMismatch');
    t.like((failure.details?.[0] as StudySummary).counts, { failed: 1, blocked: 7, waiting: 0 });
  });
});

/** Legs as they are: a training leaves its evaluation too where it was asked to. */
function evaluating(before: (leg: Leg) => Promise<void> = () => Promise.resolve()): World {
  const world = createWorld();
  world.leg = async (leg) => {
    await before(leg);
    const report = done(world, leg);
    const digest = report.result?.files['weights'] ?? '';
    const evaluation = evaluationLeg(leg, { files: { weights: { digest, bytes: 1 } } });
    if (evaluation !== undefined) done(world, evaluation);
    return report;
  };
  return world;
}

test.serial(
  'a student is one leg: its evaluation is found where its training left it',
  async (t) => {
    const world = evaluating();
    const own = study({ limits: { parallel: 1 } });
    await withWorkers(server, activitiesOf(world), async () => {
      const summary = (await (await start(own)).result()) as StudySummary;
      t.like(summary, { launches: 5, counts: { complete: 10, found: 0 } });
      await recorded(own);
      t.true(world.legs.every(({ spec }) => spec.kind === 'train'));
      const evaluations = world.recorded.filter((trial) => trial.endsWith('/evaluation'));
      t.is(new Set(evaluations).size, 5, 'MLflow has them all');
      const again = (await (await start(own)).result()) as StudySummary;
      t.like(again, { launches: 0, counts: { complete: 0, found: 10 } });
    });
  },
);

test.serial(
  'what starts before the teacher that it is compared with is done has a leg for that',
  async (t) => {
    const plain = Promise.withResolvers<void>();
    const world: World = evaluating(async (leg) => {
      if (world.legs.filter(isPlain).length === 2) plain.resolve();
      if (isTeacher(leg)) await plain.promise;
    });
    await withWorkers(server, activitiesOf(world), async () => {
      const summary = (await (await start(study())).result()) as StudySummary;
      t.like(summary, { launches: 7, counts: { complete: 10, found: 0 } });
    });
    const evaluations = world.legs.filter(({ spec }) => spec.kind === 'evaluate');
    t.deepEqual(
      evaluations.map(({ trial }) => trial.split('/')[2]),
      ['CE', 'CE'],
    );
    t.true(world.legs.filter(isPlain).every(({ evaluation }) => evaluation === undefined));
  },
);

test.serial('a damaged result fails its trial by name, and the study goes on', async (t) => {
  const world = createWorld();
  const first = study();
  await withWorkers(server, activitiesOf(world), async () => {
    await (await start(first)).result();
    const student = world.legs.find(isStudent);
    const key = student?.key ?? '';
    world.results.set(key, { key, status: 'damaged', message: `results/${key}.json is no result` });
    const failure = await failureOf(await start(first));
    t.is(failure.type, 'DataMismatch');
    t.regex(
      failure.message,
      new RegExp(`first ${student?.trial}: results/${key}.json is no result`),
    );
    t.like((failure.details?.[0] as StudySummary).counts, { found: 8, failed: 1, blocked: 1 });
    const report = world.reports.at(-1);
    t.like(report === undefined ? [] : failuresIn(world, report), [
      { id: student?.trial, failure: { code: 'DataMismatch' } },
    ]);
  });
});

test.serial('studies that share many trials leave a third one free', async (t) => {
  const { world, letGo } = gated();
  const shared = study({ limits: { parallel: 200 } }, 6);
  const activities = { ...activitiesOf(world), ...askingActivities(server) };
  let atOnce = 0;
  let most = 0;
  const lookAtTrials: typeof activities.lookAtTrials = async (ids) => {
    most = Math.max(most, (atOnce += 1));
    return await activities.lookAtTrials(ids).finally(() => (atOnce -= 1));
  };
  const quick = study();
  const own = world.leg;
  world.leg = (leg) => (leg.study === quick.name ? done(world, leg) : own(leg));
  // Fewer than the trials that are shared: an activity for each would take them all.
  const slots = { kdx: 4 };
  await withWorkers(
    server,
    { ...activities, lookAtTrials },
    async () => {
      const one = await start(shared);
      await until(one, ({ counts }) => counts.running > 6);
      const two = await start({ ...shared, name: `${shared.name}-twin` });
      await until(two, ({ counts }) => counts.running > 6);
      const third = (await (await start(quick)).result()) as StudySummary;
      t.is(third.counts.complete, 10);
      letGo();
      const ends = (await Promise.all([one.result(), two.result()])) as StudySummary[];
      const keys = world.legs.map(({ key }) => key);
      t.is(new Set(keys).size, keys.length, 'each is trained once between them');
      // A teacher and twelve students, each with its evaluation.
      t.true(ends.every(({ counts }) => counts.complete + counts.found === 26));
    },
    slots,
  );
  t.is(most, 1, 'one study waits, by one activity at a time');
});

test.serial('a trial cancelled by hand has failed, and runs when it is retried', async (t) => {
  let cancelled = 0;
  const world = createWorld(async (leg) => {
    if (!isTeacher(leg) || cancelled > 0) return done(world, leg);
    cancelled += 1;
    const context = Context.current();
    const beat = setInterval(() => context.heartbeat(), 100);
    return await context.cancelled.finally(() => clearInterval(beat));
  });
  const gate = Promise.withResolvers<void>();
  const own = world.leg;
  world.leg = async (leg) => {
    // Keeps the study training.
    if (leg.trial.includes('CE')) await gate.promise;
    return await own(leg);
  };
  await withWorkers(server, activitiesOf(world), async () => {
    const handle = await start(study());
    while (cancelled === 0) await sleep(30);
    const teacher = world.legs.find(isTeacher)?.key ?? '';
    await server.client.workflow.getHandle(trialWorkflowId(teacher)).cancel();
    const failed = await until(handle, ({ counts }) => counts.failed === 1);
    t.is(failed.counts.blocked, 7);
    t.is(failed.counts.cancelled, 0);
    t.deepEqual(await handle.executeUpdate('retryFailed'), ['teacher/big']);
    gate.resolve();
    const summary = (await handle.result()) as StudySummary;
    t.is(summary.counts.complete, 10);
  });
});

test.serial('a host that fails one trial after the other pauses the study', async (t) => {
  let bad = true;
  const world = createWorld((leg) =>
    bad && isStudent(leg) ? ended('badData', 'bad-host') : done(world, leg),
  );
  await withWorkers(server, activitiesOf(world), async () => {
    const handle = await start(study({ limits: { parallel: 2 } }, 8));
    const paused = await until(
      handle,
      ({ phase, counts }) => phase === 'paused' && counts.running === 0,
    );
    // The one under way beside the fifth may have failed as well.
    t.regex(
      paused.pausedBecause ?? '',
      /^[56] trials in a row ended as badData on bad-host: exit 70$/,
    );
    t.true(paused.counts.failed <= 6, 'it pauses, and does not drain');
    t.true(paused.counts.waiting > 0);
    bad = false;
    await handle.executeUpdate('retryFailed');
    await handle.signal('resume');
    const summary = (await handle.result()) as StudySummary;
    t.is(summary.counts.failed + summary.counts.blocked, 0);
    t.false('pausedBecause' in (await handle.query<StudyStatus>('status')));
  });
});

test.serial('a trial terminated after it left its result is done, and recorded', async (t) => {
  const world = createWorld();
  const gate = Promise.withResolvers<void>();
  world.leg = async (leg) => {
    const report = done(world, leg);
    if (isTeacher(leg)) await gate.promise;
    return report;
  };
  const own = study();
  await withWorkers(server, activitiesOf(world), async () => {
    const handle = await start(own);
    while (!world.legs.some(isTeacher)) await sleep(30);
    const teacher = world.legs.find(isTeacher)?.key ?? '';
    await server.client.workflow.getHandle(trialWorkflowId(teacher)).terminate();
    const summary = (await handle.result()) as StudySummary;
    t.is(summary.counts.complete, 10);
    gate.resolve();
    await recorded(own);
  });
  t.true(world.recorded.includes('teacher/big'));
});

test.serial('MLflow that does not answer holds up neither the report nor the end', async (t) => {
  const world = createWorld();
  const activities = activitiesOf(world);
  const back = Promise.withResolvers<void>();
  const recordTrials: typeof activities.recordTrials = async (input) => {
    await back.promise;
    return await activities.recordTrials(input);
  };
  const own = study();
  await withWorkers(server, { ...activities, recordTrials }, async () => {
    await (await start(own)).result();
    const again = (await (await start(own)).result()) as StudySummary;
    t.is(again.counts.found, 10);
    t.is(world.reports.length, 2);
    t.deepEqual(world.recorded, []);
    back.resolve();
    await recorded(own);
  });
  t.is(new Set(world.recorded).size, 10, 'one recorder has it all');
  // An activity may be repeated on a loaded machine: writing is idempotent, and this world counts.
  t.true(world.recordedReports.length >= 1, 'the report is recorded too');
});

test.serial('an unknown workflow type is refused with those that are known', async (t) => {
  await withWorkers(server, activitiesOf(createWorld()), async () => {
    const failure = await failureOf(await start(study(), 'Reproduce'));
    t.is(failure.type, 'SpecInvalid');
    t.is(
      failure.message,
      'workflow type: found "Reproduce"; allowed: reproduce, teacher, explain, sweep, evaluate, report, record, trial, part, benchmark, janitor, collect',
    );
  });
});

/** What the history of a workflow says of its activities. */
async function activitiesIn(handle: WorkflowHandle) {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: scheduled }) =>
    scheduled === undefined || scheduled === null
      ? []
      : {
          type: scheduled.activityType?.name ?? '',
          queue: scheduled.taskQueue?.name,
          silence: Number(scheduled.heartbeatTimeout?.seconds ?? 0),
        },
  );
}

test.serial(
  'every activity has its queue, and the long ones have to send heartbeats',
  async (t) => {
    const world = createWorld();
    const own = study();
    const activities = activitiesOf(world);
    const finished = Promise.withResolvers<void>();
    // One run of the recorder is given everything.
    const recordTrials: typeof activities.recordTrials = async (input) => {
      await finished.promise;
      return await activities.recordTrials(input);
    };
    await withWorkers(server, { ...activities, recordTrials }, async () => {
      const handle = await start(own);
      await handle.result();
      finished.resolve();
      await recorded(own);
      const [leg] = world.legs;
      const scheduled = [
        ...(await activitiesIn(handle)),
        ...(await activitiesIn(server.client.workflow.getHandle(`record/${own.name}`))),
        ...(await activitiesIn(server.client.workflow.getHandle(trialWorkflowId(leg?.key ?? '')))),
      ];
      const of = (type: string) => scheduled.find((activity) => activity.type === type);
      t.like(of('resolveStudy'), { queue: 'kdx', silence: 60 });
      t.like(of('findResults'), { queue: 'kdx' });
      t.like(of('runLeg'), { queue: 'kdx-legs-cpu' });
      t.true((of('runLeg')?.silence ?? 0) > 0);
      t.like(of('renderReport'), { queue: 'kdx-report', silence: 60 });
      t.like(of('recordTrials'), { queue: 'kdx-record', silence: 60 });
      t.like(of('recordReport'), { queue: 'kdx-record', silence: 60 });
    });
  },
);
