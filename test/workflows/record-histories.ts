/**
 * Records the histories that `replay.test.ts` replays, on a real development server:
 *
 *     node test/workflows/record-histories.ts [scheduled|parts|usual|continued]
 *
 * Run it when a change of `workflows/` is meant to break studies that are under way, and say so in
 * the commit; a change that is not meant to must replay the histories that are there.
 */
import { Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { execa } from 'execa';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from '@temporalio/worker';
import { createBenchmarkActivities } from '../../activities/benchmark.ts';
import type {
  BenchmarkActivities,
  CollectActivities,
  JanitorActivities,
  LegReport,
} from '../../activities/contract.ts';
import { LOCAL_PLACE, type Leg } from '../../leg/spec.ts';
import type { StudyInput } from '../../study/schema.ts';
import type { StudyStatus } from '../../study/status.ts';
import { writeHistory, type RecordedHistory } from './histories.ts';
import {
  activitiesOf,
  askingActivities,
  CODE_INDEX,
  createWorld,
  developmentServer,
  done,
  smallStudy,
  toolchain,
  withWorkers,
  type World,
} from './world.ts';

/** Events after which Temporal suggests to continue as new, on the server where that is recorded. */
const SHORT_HISTORY = ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=60'];

const TEACHER = 'teacher/big';
const settled = (promise: Promise<unknown>): Promise<unknown> => promise.catch(() => undefined);

/** A study with every section: a teacher, an explanation, students by CE and KD over two seeds. */
function study(name: string): StudyInput {
  const { train } = smallStudy().sweep ?? {};
  if (train === undefined) throw new Error('the small study has no sweep');
  const model = { name: 'hme_ltb', width: 16 } as const;
  const explain: StudyInput['explain'] = {
    model,
    arms: ['distillation'],
    stage1: { ...train, optimizer: { name: 'adam' } },
    stage2: train,
  };
  return smallStudy({ name, explain });
}

const failed = (outcome: LegReport['outcome']): LegReport => ({
  outcome,
  host: 'h1',
  processes: [],
  deviceSeconds: 0,
  detail: 'exit',
  reached: { epoch: 1, step: 0 },
});

/** Runs workflows in worlds of their own and keeps their histories. */
function recorder(server: TestWorkflowEnvironment) {
  const { client, address } = server;
  const start = (type: string, input: StudyInput): Promise<WorkflowHandle> =>
    client.workflow.start(type, {
      taskQueue: 'kdx',
      workflowId: `${type}/${input.name}`,
      args: [input],
    });
  const keep = async (name: string, workflowId: string, runId?: string): Promise<void> => {
    const run = runId === undefined ? [] : ['--run-id', runId];
    const show = ['workflow', 'show', '--address', address, '--output', 'json'];
    const { stdout } = await execa(toolchain().temporal, [
      ...[...show, '--workflow-id', workflowId, ...run],
    ]);
    const bytes = await writeHistory(name, JSON.parse(stdout) as RecordedHistory);
    process.stdout.write(`${name}: ${bytes} bytes\n`);
  };
  const within = (world: World, body: () => Promise<void>): Promise<void> =>
    withWorkers(server, activitiesOf(world), body);
  return { start, keep, within, client };
}

type Recorder = ReturnType<typeof recorder>;

async function until(handle: WorkflowHandle, says: (status: StudyStatus) => boolean) {
  while (!says(await handle.query<StudyStatus>('status'))) await sleep(30);
}

const trialIdOf = ({ key }: Leg): string => `trial/${key.slice(0, 16)}`;

function legOf({ legs }: World, trial: string): Leg {
  const leg = legs.find((candidate) => candidate.trial === trial);
  if (leg === undefined) throw new Error(`no leg of ${trial} was launched`);
  return leg;
}

/** A whole study, its teacher's leg cut short twice; then again, when all is found. */
async function recordStudy({ client, keep, start, within }: Recorder): Promise<void> {
  const world = createWorld((leg) =>
    leg.trial === TEACHER && leg.launch < 2 ? failed('stopped') : done(world, leg),
  );
  await within(world, async () => {
    await (await start('reproduce', study('whole'))).result();
    await keep('reproduce', 'reproduce/whole');
    const teacher = legOf(world, TEACHER);
    await keep('trial-stopped-twice', trialIdOf(teacher));
    await keep('trial', trialIdOf(legOf(world, 'sweep/resnet8/KD/s1')));
    await client.workflow.getHandle('record/whole').result();
    await keep('record', 'record/whole');
    await (await start('reproduce', study('whole'))).result();
    await keep('reproduce-found', 'reproduce/whole');
    await (await start('report', study('whole'))).result();
    await keep('report', 'report/whole');
  });
}

/** Each section by itself. */
async function recordSections({ keep, start, within }: Recorder): Promise<void> {
  for (const type of ['teacher', 'explain', 'evaluate']) {
    await within(createWorld(), async () => {
      await (await start(type, study('part'))).result();
      await keep(type, `${type}/part`);
    });
  }
}

/** Everything a user may say to a study, with a trial that fails until it is tried again. */
async function recordMessages({ keep, start, within }: Recorder): Promise<void> {
  const gate = Promise.withResolvers<void>();
  let bugs = 0;
  const world = createWorld(async (leg) => {
    if (leg.trial === TEACHER && bugs++ < 2) return failed('bug');
    await gate.promise;
    return done(world, leg);
  });
  await within(world, async () => {
    const handle = await start('reproduce', { ...study('messages'), limits: { parallel: 1 } });
    await until(handle, ({ counts }) => counts.failed === 1 && counts.running === 1);
    await keep('trial-failed', trialIdOf(legOf(world, TEACHER)));
    await handle.executeUpdate('setParallelism', { args: [3] });
    await handle.executeUpdate('retryFailed');
    await until(handle, ({ counts }) => counts.running === 3);
    await handle.signal('pause');
    gate.resolve();
    await until(handle, ({ counts }) => counts.running === 0);
    await handle.signal('resume');
    await handle.result();
    await keep('reproduce-messages', 'reproduce/messages');
  });
}

/** A study that is cancelled while two legs run. */
async function recordCancel({ keep, start, within }: Recorder): Promise<void> {
  const world = createWorld(async () => {
    const context = Context.current();
    const beat = setInterval(() => context.heartbeat(), 100);
    return await context.cancelled.finally(() => clearInterval(beat));
  });
  await within(world, async () => {
    const handle = await start('reproduce', study('cancelled'));
    while (world.legs.length < 2) await sleep(30);
    await handle.cancel();
    await settled(handle.result());
    await keep('reproduce-cancelled', 'reproduce/cancelled');
    await keep('trial-cancelled', trialIdOf(legOf(world, TEACHER)));
  });
}

/** A trial that fails for good, and what it blocks. */
async function recordFailure({ keep, start, within }: Recorder): Promise<void> {
  const world = createWorld((leg) =>
    leg.trial === TEACHER ? failed('badData') : done(world, leg),
  );
  await within(world, async () => {
    await settled((await start('reproduce', study('failed'))).result());
    await keep('reproduce-failed', 'reproduce/failed');
  });
}

/** A study that finds its trials under way for another one. */
async function recordTwins(server: TestWorkflowEnvironment, { keep, start }: Recorder) {
  const gate = Promise.withResolvers<void>();
  const world = createWorld(async (leg) => {
    await gate.promise;
    return done(world, leg);
  });
  await withWorkers(server, { ...activitiesOf(world), ...askingActivities(server) }, async () => {
    const first = await start('reproduce', study('first'));
    await until(first, ({ counts }) => counts.running === 2);
    const twin = await start('reproduce', study('twin'));
    await until(twin, ({ counts }) => counts.running === 2);
    gate.resolve();
    await Promise.all([first.result(), twin.result()]);
    await keep('reproduce-twin', 'reproduce/twin');
  });
}

/** A sweep whose history is cut, several times: its first run and its last. */
async function recordContinued({ client, keep, start, within }: Recorder): Promise<void> {
  await within(createWorld(), async () => {
    const handle = await start('sweep', study('continued'));
    const first = (await handle.describe()).runId;
    await handle.result();
    const last = (await client.workflow.getHandle('sweep/continued').describe()).runId;
    if (first === last) throw new Error('the sweep did not continue as new');
    await keep('sweep-continued', 'sweep/continued', first);
    await keep('sweep', 'sweep/continued', last);
  });
}

/** A study that reaches its limit of device time with one leg done and another under way. */
async function recordLimited({ keep, start, within }: Recorder): Promise<void> {
  const world = createWorld(async (leg) => {
    if (leg.trial !== TEACHER) return { ...done(world, leg), deviceSeconds: 3600 };
    const context = Context.current();
    const beat = setInterval(() => context.heartbeat(), 100);
    await settled(context.cancelled);
    clearInterval(beat);
    throw new CancelledFailure('stopped', [{ deviceSeconds: 1800 }]);
  });
  await within(world, async () => {
    const limits = { parallel: 2, gpuHours: 1 };
    await settled((await start('reproduce', { ...study('limited'), limits })).result());
    await keep('reproduce-limited', 'reproduce/limited');
    await keep('trial-limited', trialIdOf(legOf(world, TEACHER)));
  });
}

/** A study that is refused. */
async function recordRefusal(server: TestWorkflowEnvironment, { keep, start }: Recorder) {
  const refuse = () =>
    Promise.reject(ApplicationFailure.nonRetryable('$.name: found nothing', 'SpecInvalid'));
  const activities = { ...activitiesOf(createWorld()), resolveStudy: refuse };
  await withWorkers(server, activities, async () => {
    await settled((await start('reproduce', study('refused'))).result());
    await keep('reproduce-refused', 'reproduce/refused');
  });
}

/** What schedules start: a benchmark whose first training fails, a janitor that removes one Job of two pages, a collector. */
async function recordScheduled(server: TestWorkflowEnvironment, { keep, client }: Recorder) {
  const world = createWorld((leg) =>
    leg.trial.includes('resnet20') ? failed('badData') : done(world, leg),
  );
  const measured: Pick<BenchmarkActivities, 'judgeBenchmark'> = {
    judgeBenchmark: (all) =>
      Promise.resolve(all.map(({ series }) => ({ series, verdict: 'new' as const }))),
  };
  const { planBenchmark } = createBenchmarkActivities({
    artifacts: { getJson: nothing, list: nothing, putLatest: nothing },
    catalog: {
      places: () => [LOCAL_PLACE],
      dataset: () => Promise.resolve({ digest: 'dataset' }),
      readCodeIndex: () => Promise.resolve(CODE_INDEX),
    },
  });
  const [first, second] = ['a', 'b'].map((letter) => ({
    ...{ job: letter, key: letter.repeat(64), ageSeconds: 1000 },
  }));
  const jobs: JanitorActivities = {
    listLiveLegs: (after) =>
      Promise.resolve(
        after === undefined
          ? { legs: first === undefined ? [] : [first], next: '1' }
          : { legs: second === undefined ? [] : [second] },
      ),
    removeLegs: () => Promise.resolve(),
  };
  const control = await Worker.create({
    ...{ connection: server.nativeConnection, taskQueue: 'kdx-jobs-control', activities: jobs },
  });
  const kind = { objects: 9, bytes: 900, garbage: 1, garbageBytes: 100 };
  const collecting: CollectActivities = {
    collectGarbage: () =>
      Promise.resolve({ blobs: kind, checkpoints: kind, progress: kind, uploads: kind }),
  };
  const activities = { ...activitiesOf(world), ...measured, planBenchmark, ...collecting };
  await withWorkers(server, activities, () =>
    control.runUntil(async () => {
      for (const type of ['benchmark', 'janitor', 'collect']) {
        await client.workflow.execute(type, { taskQueue: 'kdx', workflowId: type, args: [] });
        await keep(type, type);
      }
    }),
  );
}

/** A study of more trials than one workflow runs: its own history, a part's, and those when all is found. */
async function recordParts({ client, keep, start, within }: Recorder): Promise<void> {
  const seeds = Array.from({ length: 205 }, (_, i) => i);
  const { sweep, ...rest } = smallStudy({ name: 'large', seeds: { init: seeds, data: seeds } });
  if (sweep === undefined) throw new Error('the small study has no sweep');
  const methods = sweep.methods.slice(0, 1);
  const large = { ...rest, sweep: { ...sweep, methods }, limits: { parallel: 8 } };
  await within(createWorld(), async () => {
    await (await start('sweep', large)).result();
    await keep('sweep-parts', 'sweep/large');
    // The last part is a small one.
    await keep('part', 'sweep/large/part-2');
    await client.workflow.getHandle('record/large').result();
    await (await start('sweep', large)).result();
    await keep('sweep-parts-found', 'sweep/large');
    await client.workflow.getHandle('record/large').result();
    await keep('record-plan', 'record/large');
  });
}

const nothing = (): Promise<never> => Promise.reject(new Error('nobody asks for that here'));

async function recordAll(server: TestWorkflowEnvironment): Promise<void> {
  const records = recorder(server);
  await recordStudy(records);
  await recordSections(records);
  await recordMessages(records);
  await recordCancel(records);
  await recordFailure(records);
  await recordTwins(server, records);
  await recordLimited(records);
  await recordRefusal(server, records);
}

async function withServer(
  body: (server: TestWorkflowEnvironment) => Promise<void>,
  extraArgs: readonly string[] = [],
): Promise<void> {
  const server = await developmentServer(extraArgs);
  try {
    await body(server);
  } finally {
    await server.teardown();
  }
}

/** What is recorded by itself, on the server that it needs. */
const GROUPS: Readonly<Record<string, () => Promise<void>>> = {
  scheduled: () => withServer((server) => recordScheduled(server, recorder(server))),
  parts: () => withServer((server) => recordParts(recorder(server))),
  usual: () => withServer(recordAll),
  continued: () => withServer((server) => recordContinued(recorder(server)), SHORT_HISTORY),
};

// `record-histories.ts parts` leaves the others as they are.
const [, , only] = process.argv;
for (const [name, record] of Object.entries(GROUPS)) {
  if (only === undefined || only === name) await record();
}
