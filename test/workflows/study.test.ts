import type { WorkflowHandle } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import test from 'ava';
import type { LegReport } from '../../activities/contract.ts';
import type { Leg } from '../../leg/spec.ts';
import { digestJson } from '../../study/canonical.ts';
import type { StudyInput } from '../../study/schema.ts';
import type { StudySummary } from '../../workflows/study.ts';
import {
  activitiesOf,
  createWorld,
  done,
  smallStudy,
  timeSkippingServer,
  withWorkers,
} from './world.ts';

let server: TestWorkflowEnvironment;
// A server a test: what a test leaves unfinished would hold the clock of the next.
test.beforeEach(async () => {
  server = await timeSkippingServer();
});
test.afterEach.always(async () => {
  await server.teardown();
});

async function start(study: StudyInput, type = 'reproduce'): Promise<WorkflowHandle> {
  const workflowId = `${type}/${study.name}`;
  return await server.client.workflow.start(type, { taskQueue: 'kdx', workflowId, args: [study] });
}

async function run(study: StudyInput, type?: string): Promise<StudySummary> {
  return (await (await start(study, type)).result()) as StudySummary;
}

/** Waits until the recorder of a study has nothing left to write. */
async function recorded({ name }: StudyInput): Promise<void> {
  await server.client.workflow.getHandle(`record/${name}`).result();
}

async function failureOf(handle: WorkflowHandle): Promise<ApplicationFailure> {
  const error: unknown = await handle.result().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure) {
    return error.cause;
  }
  throw new Error(`the workflow did not fail as one of ours: ${String(error)}`);
}

const isKd = ({ trial }: Leg): boolean => trial.includes('/KD/') && !trial.includes('evaluation');
const ended = (outcome: LegReport['outcome'], epoch = 0): LegReport => ({
  outcome,
  host: 'h1',
  processes: [],
  deviceSeconds: 0,
  detail: 'exit',
  reached: { epoch, step: 0 },
});

test.serial('a study is trained once, recorded and reported; again it is all found', async (t) => {
  const world = createWorld();
  const study = smallStudy();
  await withWorkers(server, activitiesOf(world), async () => {
    const first = await run(study);
    t.like(first, { launches: 10, counts: { complete: 10, failed: 0 } });
    t.is(first.report?.page, 'reports/x/index.html');
    await recorded(study);
    t.deepEqual(world.recorded.toSorted(), world.legs.map(({ trial }) => trial).toSorted());
    t.deepEqual(world.recordedReports, [study.name]);
    world.recorded.length = 0;
    const second = await run(study);
    t.like(second, { launches: 0, counts: { found: 10, complete: 0 } });
    await recorded(study);
  });
  t.is(world.legs.length, 10);
  t.is(world.reports.length, 2);
  // A result may have been left by a trial that was terminated before anything was recorded.
  t.deepEqual(world.recorded.toSorted(), world.legs.map(({ trial }) => trial).toSorted());
});

test.serial('the teacher comes before the students by CE, which do not wait for it', async (t) => {
  const world = createWorld();
  const release = Promise.withResolvers<void>();
  world.leg = async (leg) => {
    if (leg.trial === 'teacher/big') await release.promise;
    if (leg.trial === 'sweep/resnet8/CE/s1') release.resolve();
    return done(world, leg);
  };
  await withWorkers(server, activitiesOf(world), () => run(smallStudy()));
  const trained = world.legs.map(({ trial }) => trial);
  t.true(trained.slice(0, 2).includes('teacher/big'));
  t.true(trained.indexOf('sweep/resnet8/CE/s1') < trained.indexOf('sweep/resnet8/KD/s1'));
});

test.serial('a student is bound to the weights that its teacher left', async (t) => {
  const world = createWorld();
  await withWorkers(server, activitiesOf(world), () => run(smallStudy()));
  const teacher = world.legs.find(({ trial }) => trial === 'teacher/big');
  const student = world.legs.find(isKd);
  const weights = digestJson([teacher?.key, 'weights']);
  t.true(student?.spec.kind === 'train' && student.spec.teacher?.weights === weights);
});

test.serial(
  'a leg that is cut short is launched again, counted up, with growing delays',
  async (t) => {
    const world = createWorld();
    const launches: { launch: number; at: number }[] = [];
    world.leg = async (leg) => {
      if (leg.trial !== 'teacher/big') return done(world, leg);
      launches.push({ launch: leg.launch, at: await server.currentTimeMs() });
      return launches.length < 6 ? ended('disrupted') : done(world, leg);
    };
    await withWorkers(server, activitiesOf(world), () => run(smallStudy(), 'teacher'));
    t.deepEqual(
      launches.map(({ launch }) => launch),
      [0, 1, 2, 3, 4, 5],
    );
    const seconds = launches.slice(1).map(({ at }, i) => (at - (launches[i]?.at ?? 0)) / 1000);
    t.true([1, 2, 4, 8, 16].every((least, i) => (seconds[i] ?? 0) >= least));
  },
);

test.serial('memory is raised by half each time a leg ran out of it', async (t) => {
  const world = createWorld();
  const asked: number[] = [];
  world.leg = (leg) => {
    if (leg.trial !== 'teacher/big') return done(world, leg);
    asked.push(leg.resources.memoryMiB);
    return asked.length < 3 ? ended('hostMemory') : done(world, leg);
  };
  await withWorkers(server, activitiesOf(world), () => run(smallStudy(), 'teacher'));
  const [first = 0] = asked;
  t.true(first > 600 && first < 2048, `the plan asks for ${first} MiB`);
  t.deepEqual(asked, [first, Math.ceil(1.5 * first), Math.ceil(2.25 * first)]);
});

test.serial('a store out of reach for an hour holds a leg up and fails nothing', async (t) => {
  const world = createWorld();
  const from = await server.currentTimeMs();
  world.leg = async (leg) => {
    if ((await server.currentTimeMs()) - from < 3_600_000) {
      throw ApplicationFailure.retryable('no store', 'ObjectStore');
    }
    return done(world, leg);
  };
  const summary = await withWorkers(server, activitiesOf(world), () =>
    run(smallStudy(), 'teacher'),
  );
  t.is(summary.launches, 2);
  t.true(world.legs.every(({ launch }) => launch === 0));
});

test.serial(
  'a bug is final at its second launch: its dependants are blocked, the rest goes on',
  async (t) => {
    const world = createWorld();
    world.leg = (leg) => (leg.trial === 'teacher/big' ? ended('bug') : done(world, leg));
    const study = smallStudy();
    const failure = await withWorkers(server, activitiesOf(world), async () =>
      failureOf(await start(study)),
    );
    t.is(failure.type, 'CodeBug');
    t.regex(
      failure.message,
      /^1 of 10 trials failed, 7 blocked; first teacher\/big: launch 2 ended/,
    );
    const trained = world.legs.map(({ trial }) => trial).toSorted();
    const students = ['sweep/resnet8/CE/s1', 'sweep/resnet8/CE/s2'];
    t.deepEqual(trained, [...students, 'teacher/big', 'teacher/big']);
    const [first, second] = world.legs.filter(({ trial }) => trial === 'teacher/big');
    t.is(first?.avoidHosts, undefined);
    t.deepEqual(second?.avoidHosts, ['h1'], 'the second launch prefers another host');
    t.is(world.reports.length, 1);
  },
);

test.serial('what needs a diverged network is blocked, and the study does not fail', async (t) => {
  const world = createWorld();
  world.leg = (leg) => {
    const report = done(world, leg);
    if (!isKd(leg) || report.result === undefined) return report;
    const result = { ...report.result, status: 'diverged' as const };
    world.results.set(leg.key, result);
    return { ...report, outcome: 'diverged', result };
  };
  const summary = await withWorkers(server, activitiesOf(world), () => run(smallStudy()));
  t.like(summary.counts, { complete: 6, diverged: 2, blocked: 2, failed: 0 });
});

test.serial('a bad study is refused before anything runs', async (t) => {
  const world = createWorld();
  const activities = {
    ...activitiesOf(world),
    resolveStudy: () =>
      Promise.reject(ApplicationFailure.nonRetryable('$.name: found nothing', 'SpecInvalid')),
  };
  const failure = await withWorkers(server, activities, async () => {
    const error: unknown = await (await start(smallStudy())).result().catch((e: unknown) => e);
    return error instanceof WorkflowFailedError ? error.cause?.cause : undefined;
  });
  t.true(failure instanceof ApplicationFailure && failure.type === 'SpecInvalid');
  t.is(world.legs.length, 0);
  t.is(world.looked.length, 0);
});

test.serial(
  'a cancelled study cancels its trials and waits until their legs have stopped',
  async (t) => {
    const world = createWorld();
    let stopped = 0;
    const activities = activitiesOf(world);
    const { Context } = await import('@temporalio/activity');
    world.leg = async () => {
      const context = Context.current();
      const beat = setInterval(() => context.heartbeat(), 100);
      try {
        return await context.cancelled;
      } catch (error) {
        stopped += 1;
        throw error;
      } finally {
        clearInterval(beat);
      }
    };
    await withWorkers(server, activities, async () => {
      const handle = await start(smallStudy());
      while (world.legs.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
      await handle.cancel();
      const error: unknown = await handle.result().catch((reason: unknown) => reason);
      t.true(error instanceof WorkflowFailedError && error.cause instanceof CancelledFailure);
      t.is(stopped, 2);
    });
    t.is(world.legs.length, 2);
  },
);

test.serial('two trials of one key are one leg', async (t) => {
  const world = createWorld();
  const study = smallStudy();
  const twice = {
    ...study,
    sweep: {
      students: [{ name: 'resnet8' as const }],
      train: { epochs: 2, optimizer: { name: 'sgd' as const } },
      methods: [
        { id: 'CE', distillers: [{ name: 'ce' as const }] },
        { id: 'same', distillers: [{ name: 'ce' as const }] },
      ],
    },
  };
  const summary = await withWorkers(server, activitiesOf(world), () => run(twice));
  t.is(world.legs.length, new Set(world.legs.map(({ key }) => key)).size);
  t.is(summary.counts.complete + summary.counts.found, 10);
});

test.serial('a section trains only what it needs', async (t) => {
  const world = createWorld();
  await withWorkers(server, activitiesOf(world), () => run(smallStudy(), 'teacher'));
  t.deepEqual(
    world.legs.map(({ trial }) => trial),
    ['teacher/big', 'teacher/big/evaluation'],
  );
  t.is(world.reports.length, 0);
});
