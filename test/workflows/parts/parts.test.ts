import { WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import type { ApplicationFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import test from 'ava';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { LegReport } from '../../../activities/contract.ts';
import { bundleWorkflows } from '../../../bin/worker/bundle.ts';
import type { Leg } from '../../../leg/spec.ts';
import type { StudyInput } from '../../../study/schema.ts';
import type { StudyStatus } from '../../../study/status.ts';
import type { StudySummary } from '../../../workflows/study.ts';
import {
  activitiesOf,
  createWorld,
  developmentServer,
  done,
  failuresIn,
  smallStudy,
  withWorkers,
  type World,
} from '../world.ts';

/** Students of a method: a few parts of four. */
const SEEDS = 15;

const smallParts = bundleWorkflows(fileURLToPath(new URL('./small-parts.ts', import.meta.url)));
const withSmallParts = (world: World, body: () => Promise<void>): Promise<void> =>
  withWorkers(server, activitiesOf(world), body, {}, smallParts);

let server: TestWorkflowEnvironment;
test.before(async () => {
  server = await developmentServer();
});
test.after.always(async () => {
  await server.teardown();
});

/** Seeds that no other test shares: keys of equal studies are equal, and so are their trials. */
let unique = 10_000;
function study(changes: Partial<StudyInput> = {}): StudyInput {
  const seeds = Array.from({ length: SEEDS }, (_, i) => unique + i);
  unique += SEEDS;
  const { sweep, ...rest } = smallStudy({
    seeds: { init: seeds, data: seeds },
    limits: { parallel: 10 },
  });
  if (sweep === undefined) throw new Error('the small study has a sweep');
  const onlyHard = { ...sweep, methods: sweep.methods.slice(0, 1) };
  const { teachers: _none, ...untaught } = rest;
  return { ...untaught, sweep: onlyHard, ...changes };
}

/** The same with a teacher, which half of its students need. */
function taughtStudy(): StudyInput {
  const { teachers, sweep } = smallStudy();
  return study({ ...(teachers === undefined ? {} : { teachers }), ...(sweep ? { sweep } : {}) });
}

async function start({ name, ...rest }: StudyInput): Promise<WorkflowHandle> {
  return await server.client.workflow.start('reproduce', {
    ...{ taskQueue: 'kdx', workflowId: `reproduce/${name}`, args: [{ name, ...rest }] },
  });
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

const bug: Omit<LegReport, 'host'> = {
  ...{ outcome: 'bug', processes: [], deviceSeconds: 0, detail: 'exit 70' },
};

/** A world whose legs wait until they are let go. */
function heldWorld(): { world: World; letGo: () => void; live: () => number; most: () => number } {
  let live = 0;
  let most = 0;
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const world: World = createWorld(async (leg) => {
    live += 1;
    most = Math.max(most, live);
    await opened;
    live -= 1;
    return done(world, leg);
  });
  return { world, letGo: () => open(), live: () => live, most: () => most };
}

test.serial('what is there is found without a leg, and only the rest is run', async (t) => {
  const input = study();
  const world = createWorld();
  await withSmallParts(world, async () => {
    await (await start(input)).result();
    t.is(world.legs.length, 2 * SEEDS);
    const gone = world.legs.slice(10, 14).map(({ key }) => key);
    for (const key of gone) world.results.delete(key);
    world.legs.length = 0;
    world.looked.length = 0;
    world.recorded.length = 0;
    const handle = await start(input);
    const { counts, launches } = (await handle.result()) as StudySummary;
    t.is(counts.found + counts.complete, 2 * SEEDS);
    t.is(launches, gone.length);
    t.deepEqual(world.legs.map(({ key }) => key).toSorted(), gone.toSorted());
    const record = server.client.workflow.getHandle(`record/${input.name}`);
    await record.result();
    t.is(new Set(world.recorded).size, 2 * SEEDS, 'what was found is recorded too');
    const table = await handle.query<readonly { n: number; mean?: number }[]>('table');
    t.is(table[0]?.n, SEEDS);
    t.is(table[0]?.mean, 50);
  });
});

test.serial('students that need no teacher start before it, the others after it', async (t) => {
  const input = taughtStudy();
  const isTeacher = ({ trial }: Leg): boolean => trial === 'teacher/big';
  const world: World = createWorld(async (leg) => {
    if (isTeacher(leg)) {
      // Until all that does not need it has started.
      const isHard = ({ trial }: Leg): boolean => /\/CE\/s\d+$/.test(trial);
      while (world.legs.filter(isHard).length < SEEDS) await sleep(20);
    }
    return done(world, leg);
  });
  await withSmallParts(world, async () => {
    const summary = (await (await start(input)).result()) as StudySummary;
    t.is(summary.counts.complete + summary.counts.found, 4 * SEEDS + 2);
    const names = world.legs.map(({ trial }) => trial);
    t.is(new Set(names).size, names.length, 'nothing ran twice');
    const before = names.slice(0, SEEDS + 1);
    t.true(before.every((name) => !name.includes('/KD/') && !name.endsWith('/evaluation')));
  });
});

test.serial(
  'without its teacher what needs it is blocked, until that is tried again',
  async (t) => {
    const input = taughtStudy();
    let isBroken = true;
    const { world, letGo } = heldWorld();
    const held = world.leg;
    world.leg = (leg) => {
      if (leg.trial !== 'teacher/big') return held(leg);
      return isBroken ? { ...bug, host: `h${leg.launch}` } : done(world, leg);
    };
    await withSmallParts(world, async () => {
      const handle = await start(input);
      await until(handle, ({ counts }) => counts.failed === 1 && counts.running > 0);
      isBroken = false;
      t.deepEqual(await handle.executeUpdate('retryFailed'), ['teacher/big']);
      letGo();
      const summary = (await handle.result()) as StudySummary;
      t.is(summary.counts.complete + summary.counts.found, 4 * SEEDS + 2);
    });
  },
);

test.serial(
  'a trial that fails in a part fails its study by name; a retry runs it alone',
  async (t) => {
    const input = study({ limits: { parallel: 6 } });
    const world: World = createWorld();
    const [init] = input.seeds.init;
    const failing = `sweep/resnet8/CE/s${String(init)}`;
    let isBroken = true;
    world.leg = (leg) =>
      isBroken && leg.trial === failing ? { ...bug, host: `h${leg.launch}` } : done(world, leg);
    await withSmallParts(world, async () => {
      const handle = await start(input);
      const { type, message } = await failureOf(handle);
      t.is(type, 'CodeBug');
      t.regex(
        message ?? '',
        new RegExp(`1 of 30 trials failed, 1 blocked; first ${failing}: .*exit 70`),
      );
      const [report] = world.reports;
      t.deepEqual(report === undefined ? [] : failuresIn(world, report).map(({ id }) => id), [
        failing,
      ]);
      isBroken = false;
      world.legs.length = 0;
      await (await start(input)).result();
      t.deepEqual(
        world.legs.map(({ trial }) => trial),
        [failing, `${failing}/evaluation`],
      );
    });
  },
);

test.serial('a part that has closed is opened again for a retry', async (t) => {
  // Taught students wait for the teacher in a part of their own, so the study goes on meanwhile.
  const input = taughtStudy();
  const [init] = input.seeds.init;
  const failing = `sweep/resnet8/KD/s${String(init)}`;
  let isBroken = true;
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const world: World = createWorld(async (leg) => {
    if (isBroken && leg.trial === failing) return { ...bug, host: `h${leg.launch}` };
    // One evaluation of the other part keeps the study at work.
    if (leg.trial === `sweep/resnet8/CE/s${String(init)}/evaluation`) await released;
    return done(world, leg);
  });
  await withSmallParts(world, async () => {
    const handle = await start(input);
    await until(handle, ({ counts }) => counts.failed === 1 && counts.running === 1);
    isBroken = false;
    t.deepEqual(await handle.executeUpdate('retryFailed'), [failing]);
    await until(handle, ({ counts }) => counts.failed === 0 && counts.blocked === 0);
    while (!world.legs.some(({ trial }) => trial === `${failing}/evaluation`)) await sleep(20);
    release();
    const { counts } = (await handle.result()) as StudySummary;
    t.is(counts.complete + counts.found, 4 * SEEDS + 2);
  });
});

test.serial(
  'a window that shrinks, a pause and a cancel reach the legs of all parts',
  async (t) => {
    const { world, letGo, live, most } = heldWorld();
    await withSmallParts(world, async () => {
      const handle = await start(study({ limits: { parallel: 12 } }));
      while (live() < 10) await sleep(50);
      t.is(await handle.executeUpdate<number, [number]>('setParallelism', { args: [3] }), 12);
      await handle.signal('pause');
      letGo();
      await until(handle, ({ phase, counts }) => phase === 'paused' && counts.running === 0);
      const started = world.legs.length;
      t.true(started < 2 * SEEDS, 'a paused study starts nothing more');
      t.true(most() <= 12);
      const again = watchMost(world);
      await handle.signal('resume');
      while (world.legs.length < started + 8) await sleep(50);
      t.true(again() <= 3, `${again()} legs at once in a window of 3`);
      await handle.cancel();
      await t.throwsAsync(handle.result());
      const ended = world.legs.length;
      await sleep(300);
      t.is(world.legs.length, ended, 'a cancelled study starts nothing more');
    });
  },
);

/** Counts legs from now on, each of which takes a moment. */
function watchMost(world: World): () => number {
  let live = 0;
  let most = 0;
  world.leg = async (leg) => {
    live += 1;
    most = Math.max(most, live);
    await sleep(20);
    live -= 1;
    return done(world, leg);
  };
  return () => most;
}

test.serial(
  'a part that is terminated fails what it had to do, and the study says so',
  async (t) => {
    const { world, letGo, live } = heldWorld();
    const input = study();
    await withSmallParts(world, async () => {
      const handle = await start(input);
      while (live() < 10) await sleep(50);
      await server.client.workflow.getHandle(`reproduce/${input.name}/part-1`).terminate();
      await until(handle, ({ counts }) => counts.failed > 0);
      letGo();
      t.is((await failureOf(handle)).type, 'Terminated');
      const again = (await (await start(input)).result()) as StudySummary;
      t.is(again.counts.complete + again.counts.found, 2 * SEEDS);
    });
  },
);

test.serial('a limit of device time holds over all parts', async (t) => {
  const hour = 3600;
  const input = study({ limits: { parallel: 4, gpuHours: 9 } });
  const world: World = createWorld((leg) => ({ ...done(world, leg), deviceSeconds: hour }));
  await withSmallParts(world, async () => {
    const { type, message, details } = await failureOf(await start(input));
    t.is(type, 'BudgetExceeded', message ?? '');
    const [summary] = details as [StudySummary];
    const { used = 0 } = summary.gpuHours ?? {};
    t.true(used >= 9 && used <= 9 + 4, `${used} h used`);
    t.is(world.legs.length, used);
  });
});
