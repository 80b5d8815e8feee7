import { WorkflowUpdateFailedError, type WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import test from 'ava';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StudyInput } from '../../study/schema.ts';
import type {
  StudyStatus,
  TrialChanges,
  TrialPage,
  TrialState,
  TrialStatus,
} from '../../study/status.ts';
import type { TableRow } from '../../workflows/status.ts';
import type { StudySummary } from '../../workflows/study.ts';
import {
  activitiesOf,
  askingActivities,
  createWorld,
  developmentServer,
  done,
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

async function start(study: StudyInput): Promise<WorkflowHandle> {
  const workflowId = `reproduce/${study.name}`;
  const options = { taskQueue: 'kdx', workflowId, args: [study] };
  return await server.client.workflow.start('reproduce', options);
}

const page = (handle: WorkflowHandle, ...asked: readonly [number, number, TrialState]) =>
  handle.query<TrialPage, [number, number, TrialState]>('trials', ...asked);
const trials = async (handle: WorkflowHandle): Promise<readonly TrialStatus[]> =>
  (await handle.query<TrialPage>('trials')).trials;
const status = (handle: WorkflowHandle): Promise<StudyStatus> => handle.query('status');

/** Polls until the study says so; the test's own time limit ends a wait in vain. */
async function until(handle: WorkflowHandle, says: (status: StudyStatus) => boolean) {
  for (;;) {
    const now = await status(handle);
    if (says(now)) return now;
    await sleep(30);
  }
}

/** A world whose legs wait until they are let go, one by one or all. */
function gated(): { world: World; letGo: (trial?: string) => void } {
  const world = createWorld();
  const waiting = new Map<string, () => void>();
  let open = false;
  world.leg = async (leg) => {
    if (!open) await new Promise<void>((resolve) => waiting.set(leg.trial, resolve));
    return done(world, leg, { top1: leg.trial.includes('/s1') ? 60 : 70 });
  };
  const letGo = (trial?: string): void => {
    if (trial !== undefined) return waiting.get(trial)?.();
    open = true;
    for (const resolve of waiting.values()) resolve();
  };
  return { world, letGo };
}

/** Ids that no other test shares: keys of equal studies are equal, and so are their trials. */
let unique = 0;
function study(changes: Partial<StudyInput> = {}): StudyInput {
  unique += 1;
  const seeds = { init: [1, 2], data: [unique * 10 + 1, unique * 10 + 2] };
  return smallStudy({ seeds, ...changes });
}

test.serial(
  'the status tells every trial, how far the study is, and the best student',
  async (t) => {
    const { world, letGo } = gated();
    await withWorkers(server, activitiesOf(world), async () => {
      const handle = await start(study());
      const early = await until(handle, ({ counts }) => counts.running === 2);
      t.is(early.phase, 'training');
      t.is(early.doneShare, 0);
      t.is(early.total, 10);
      t.is(early.etaSeconds, undefined);
      const running = await page(handle, 0, 1, 'running');
      t.deepEqual(
        running.trials.map(({ id }) => id),
        ['teacher/big'],
      );
      const others = await page(handle, running.next ?? 0, 9, 'running');
      t.is(others.trials.length, 1);
      t.is(others.next, undefined);
      const begun = await handle.query<TrialChanges>('changes');
      t.is(begun.trials.length, 2);
      letGo();
      await handle.result();
      const late = await status(handle);
      t.like(late, { phase: 'done', doneShare: 1, etaSeconds: 0, report: 'reports/x/index.html' });
      t.like(late.best, { top1: 70 });
      const all = await trials(handle);
      t.is(all.length, 10);
      t.true(all.every(({ state, key }) => state === 'complete' && key?.length === 64));
      const since = await handle.query<TrialChanges, [number]>('changes', begun.next);
      t.deepEqual(
        since.trials.map(({ id }) => id).toSorted(),
        all.map(({ id }) => id).toSorted(),
        'all have ended since, each named once',
      );
      t.deepEqual(await handle.query('changes', since.next), { trials: [], next: since.next });
    });
  },
);

test.serial('the table tells mean and deviation over the seeds that are done', async (t) => {
  const { world, letGo } = gated();
  await withWorkers(server, activitiesOf(world), async () => {
    const handle = await start(study());
    await until(handle, ({ counts }) => counts.running === 2);
    t.deepEqual(await handle.query('table'), [
      { model: 'resnet8', method: 'CE', n: 0, of: 2 },
      { model: 'resnet8', method: 'KD', n: 0, of: 2 },
    ] satisfies TableRow[]);
    letGo();
    await handle.result();
    const cell = { n: 2, of: 2, mean: 65, sd: Math.sqrt(50) };
    t.deepEqual(await handle.query('table'), [
      { model: 'resnet8', method: 'CE', ...cell },
      { model: 'resnet8', method: 'KD', ...cell },
    ] satisfies TableRow[]);
  });
});

test.serial(
  'parallelism can be changed while a study runs, and only to what is allowed',
  async (t) => {
    const { world, letGo } = gated();
    await withWorkers(server, activitiesOf(world), async () => {
      const handle = await start(study({ limits: { parallel: 1 } }));
      await until(handle, ({ counts }) => counts.running === 1);
      t.is(await handle.executeUpdate('setParallelism', { args: [3] }), 1);
      await until(handle, ({ counts, parallel }) => counts.running === 3 && parallel === 3);
      for (const bad of [0, 501, 1.5, 'many']) {
        const error = await t.throwsAsync(handle.executeUpdate('setParallelism', { args: [bad] }), {
          instanceOf: WorkflowUpdateFailedError,
        });
        t.is(
          (error?.cause as Error).message,
          `setParallelism: found ${JSON.stringify(bad)}; allowed: an integer from 1 to 500`,
        );
      }
      letGo();
      await handle.result();
    });
  },
);

test.serial('a paused study starts nothing more, and goes on when resumed', async (t) => {
  const { world, letGo } = gated();
  await withWorkers(server, activitiesOf(world), async () => {
    const handle = await start(study());
    await until(handle, ({ counts }) => counts.running === 2);
    await handle.signal('pause');
    letGo();
    const paused = await until(handle, ({ counts }) => counts.running === 0);
    t.like(paused, { phase: 'paused', counts: { complete: 2 } });
    t.is(world.legs.length, 2);
    await handle.signal('resume');
    const summary = (await handle.result()) as StudySummary;
    t.is(summary.counts.complete, 10);
  });
});

test.serial(
  'a failed trial is tried again when asked, and quarantined by the same defect',
  async (t) => {
    const { world, letGo } = gated();
    const waits = world.leg;
    let bugs = 0;
    world.leg = async (leg) => {
      if (leg.trial !== 'teacher/big') return await waits(leg);
      bugs += 1;
      return { outcome: 'bug', host: 'h1', processes: [], deviceSeconds: 0, detail: 'exit 70' };
    };
    await withWorkers(server, activitiesOf(world), async () => {
      const handle = await start(study({ limits: { parallel: 3 } }));
      const failed = await until(handle, ({ counts }) => counts.failed === 1);
      t.is(failed.counts.blocked, 7);
      t.deepEqual(await handle.executeUpdate('retryFailed'), ['teacher/big']);
      const again = await until(handle, (now) => bugs === 3 && now.counts.failed === 1);
      t.deepEqual(again.failures, { Quarantined: 1 });
      const teacher = (await trials(handle)).find(({ id }) => id === 'teacher/big');
      t.is(teacher?.failure?.code, 'Quarantined');
      t.deepEqual(await handle.executeUpdate('retryFailed'), []);
      letGo();
      await t.throwsAsync(handle.result());
    });
    t.is(bugs, 3, 'twice at first, so that one bad host does not fail it, and once when asked');
  },
);

test.serial('two studies that need the same networks train them once between them', async (t) => {
  const { world, letGo } = gated();
  const activities = activitiesOf(world);
  const first = study();
  const second = { ...first, name: `${first.name}-twin` };
  await withWorkers(server, { ...activities, ...askingActivities(server) }, async () => {
    const [one, two] = [await start(first), await start(second)];
    await until(one, ({ counts }) => counts.running === 2);
    await until(two, ({ counts }) => counts.running === 2);
    letGo();
    const summaries = (await Promise.all([one.result(), two.result()])) as StudySummary[];
    const done = summaries.map(({ counts }) => counts.complete + counts.found);
    t.deepEqual(done, [10, 10]);
    t.is(
      summaries.reduce((sum, { launches }) => sum + launches, 0),
      10,
    );
  });
  t.is(world.legs.length, 10);
});
