import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Runtime, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type {
  FailureChunk,
  Found,
  LegActivities,
  LegReport,
  PinnedStudy,
  RecordActivities,
  ReportActivities,
  ReportInput,
  StopActivities,
  ResolvedStudy,
  ResultSummary,
  StudyActivities,
} from '../../activities/contract.ts';
import { DISTILLERS } from '../../distillers/registry.ts';
import { readAllFailures, readFailures } from '../../activities/failures.ts';
import { lookUpPlan, readPage } from '../../activities/look-up-plan.ts';
import { createStudyActivities } from '../../activities/study.ts';
import { bundleWorkflows } from '../../bin/worker/bundle.ts';
import { LOCAL_PLACE, type Leg } from '../../leg/spec.ts';
import { digestJson } from '../../study/canonical.ts';
import { expandStudy, restrictTo, type Section } from '../../study/plan/plan.ts';
import { MODEL_NAMES } from '../../study/models/models.ts';
import type { CodeIndex } from '../../study/code.ts';
import { resolveStudy } from '../../study/resolve.ts';
import type { Opening } from '../../workflows/carry.ts';
import type { StudyInput } from '../../study/schema.ts';

type Toolchain = { readonly temporal: string; readonly temporalTestServer: string };

/** Programs that set-up has installed; a missing one fails the test that needs it. */
export function toolchain(): Toolchain {
  const record = new URL('../../.kdx/toolchain.json', import.meta.url);
  return JSON.parse(readFileSync(record, 'utf8')) as Toolchain;
}

let runtimeInstalled = false;

/** Keeps the SDK's log out of the test's; once a process. */
export function quietRuntime(): void {
  if (runtimeInstalled) return;
  runtimeInstalled = true;
  const drop = (): void => undefined;
  const logger = { log: drop, trace: drop, debug: drop, info: drop, warn: drop, error: drop };
  const logging = { filter: { core: 'ERROR', other: 'ERROR' } } as const;
  Runtime.install({ logger, shutdownSignals: [], telemetryOptions: { logging } });
}

/** A real Temporal test server whose clock skips what nobody waits for. Its time is global: run serially. */
export async function timeSkippingServer(): Promise<TestWorkflowEnvironment> {
  quietRuntime();
  const path = toolchain().temporalTestServer;
  return await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path } },
  });
}

/** A real Temporal development server, for queries, updates and signals in real time. */
export async function developmentServer(
  extraArgs: readonly string[] = [],
): Promise<TestWorkflowEnvironment> {
  quietRuntime();
  const path = toolchain().temporal;
  return await TestWorkflowEnvironment.createLocal({
    server: { executable: { type: 'existing-path', path }, extraArgs: [...extraArgs] },
  });
}

/** How a leg of the world behaves: it reports an end, or throws. The usual leg is `done`. */
export type LegBehaviour = (leg: Leg) => Promise<LegReport> | LegReport;

/** What the activities of a test did, and what they find. */
export type World = {
  readonly results: Map<string, Found>;
  /** Blobs of resolved studies and of failed trials, by digest. */
  readonly blobs: Map<string, unknown>;
  /** Studies that were resolved, and not read again. */
  readonly resolved: string[];
  readonly legs: Leg[];
  readonly stopped: Leg[];
  readonly looked: number[];
  readonly recorded: string[];
  /** Studies whose report was recorded. */
  readonly recordedReports: string[];
  readonly reports: ReportInput[];
  /** Workflow ids that were measured, call by call. */
  readonly measured: (readonly string[])[];
  leg: LegBehaviour;
  /** Device seconds of the launch under way of a trial's workflow. */
  measure: (workflowId: string) => number;
};

export function createWorld(leg?: LegBehaviour): World {
  const world: World = {
    results: new Map(),
    blobs: new Map(),
    resolved: [],
    legs: [],
    stopped: [],
    looked: [],
    recorded: [],
    recordedReports: [],
    reports: [],
    measured: [],
    measure: () => 0,
    leg: leg ?? ((launched) => done(world, launched)),
  };
  return world;
}

/** The report of a leg that has finished, its result put where look-ups find it. */
export function done(world: World, leg: Leg, metrics = { top1: 50 }): LegReport {
  const handed = {
    train: 'weights',
    teach: 'logits',
    evaluate: 'evaluation',
    explain: 'explanation',
  };
  const name = handed[leg.spec.kind];
  const files = { [name]: digestJson([leg.key, name]) };
  const result: ResultSummary = { key: leg.key, status: 'complete', metrics, files };
  world.results.set(leg.key, result);
  return { outcome: 'done', host: 'h1', processes: [], deviceSeconds: 0, detail: 'exit 0', result };
}

export const CODE_INDEX: CodeIndex = {
  kinds: { train: 'r0', teach: 't0', evaluate: 'e0', explain: 'x0' },
  datasets: { digits: 'd0', cifar10: 'd1', cifar100: 'd2' },
  vam: 'v0',
  models: Object.fromEntries(MODEL_NAMES.map((name) => [name, name])) as CodeIndex['models'],
  distillers: Object.fromEntries(DISTILLERS.map(({ name }) => [name, name])),
};

export function resolved(input: unknown): ResolvedStudy {
  const resolution = resolveStudy(input);
  if (!resolution.ok) throw new Error(JSON.stringify(resolution.problems));
  return {
    study: resolution.study,
    datasetDigest: 'dataset',
    code: CODE_INDEX,
    place: LOCAL_PLACE,
  };
}

/** A resolved study as `resolveStudy` answers it. */
export function pinned(input: unknown): PinnedStudy {
  const study = resolved(input);
  return { digest: digestJson(study), resolved: study };
}

/** A study with the trials of some of its sections, as a run is opened on it. */
export function opening(input: unknown, sections: readonly Section[]): Opening {
  const study = pinned(input);
  const nodes = restrictTo(expandStudy(study.resolved.study, study.resolved), sections);
  return { ...study, sections, nodes };
}

export type Activities = StudyActivities &
  LegActivities &
  StopActivities &
  ReportActivities &
  RecordActivities;

export function activitiesOf(world: World): Activities {
  const keep = (blob: unknown): string => {
    const digest = digestJson(blob);
    world.blobs.set(digest, blob);
    return digest;
  };
  const blobs = {
    getBlob: (digest: string) =>
      Promise.resolve(new TextEncoder().encode(JSON.stringify(world.blobs.get(digest)))),
  };
  const find = (key: string): Promise<Found | undefined> => Promise.resolve(world.results.get(key));
  return {
    resolveStudy: (input) => {
      const study = resolved(input);
      world.resolved.push(study.study.name);
      return Promise.resolve({ digest: keep(study), resolved: study });
    },
    readStudy: (digest) => Promise.resolve(world.blobs.get(digest) as ResolvedStudy),
    keepFailures: (chunk) => Promise.resolve(keep(chunk)),
    readFailures: (digest, only) => readFailures(blobs, digest, only),
    lookUpPlan: async (page) => {
      world.looked.push(page.count);
      const failed = await readAllFailures(blobs, page.failures);
      return await lookUpPlan(find, world.blobs.get(page.study) as ResolvedStudy, page, failed);
    },
    findResults: (keys) => {
      world.looked.push(keys.length);
      return Promise.resolve(
        keys.flatMap((key) => {
          const result = world.results.get(key);
          return result === undefined ? [] : [result];
        }),
      );
    },
    lookAtTrials: (workflowIds) => Promise.resolve(workflowIds.map(() => ({ status: 'gone' }))),
    measureLegs: (workflowIds) => {
      world.measured.push(workflowIds);
      return Promise.resolve(workflowIds.map((id) => world.measure(id)));
    },
    runLeg: async (leg) => {
      world.legs.push(leg);
      return await world.leg(leg);
    },
    renderReport: (input) => {
      world.reports.push(input);
      return Promise.resolve({ page: 'reports/x/index.html', markdown: 'report.md', files: [] });
    },
    stopLeg: (leg) => {
      world.stopped.push(leg);
      return Promise.resolve();
    },
    recordTrials: ({ trials }) => {
      world.recorded.push(...trials.map(({ trial }) => trial));
      return Promise.resolve([]);
    },
    recordPlan: async (page) => {
      const study = world.blobs.get(page.study) as ResolvedStudy;
      const { nodes, found, total } = await readPage(find, study, page);
      world.recorded.push(...nodes.flatMap(({ id }, at) => (found[at] === undefined ? [] : [id])));
      return { total };
    },
    recordReport: (study) => {
      world.recordedReports.push(study);
      return Promise.resolve();
    },
  };
}

/** The activities that ask a server, as they are in a worker; none of the store. */
export function askingActivities(
  server: TestWorkflowEnvironment,
): Pick<StudyActivities, 'lookAtTrials' | 'measureLegs'> {
  const nothing = (): Promise<never> => Promise.reject(new Error('nobody asks for that here'));
  const { lookAtTrials, measureLegs } = createStudyActivities({
    artifacts: { location: '', getJson: nothing, getBlob: nothing, putBlob: nothing },
    catalog: { places: () => [], dataset: nothing, readCodeIndex: nothing },
    temporal: server.client,
  });
  return { lookAtTrials, measureLegs };
}

/** The failed trials that a report was told of. */
export function failuresIn(world: World, { failures }: ReportInput): FailureChunk['trials'] {
  if (failures === undefined) return [];
  const { trials, before, joined = [] } = world.blobs.get(failures) as FailureChunk;
  const others = [...(before === undefined ? [] : [before]), ...joined];
  return [
    ...others.flatMap((failures) => failuresIn(world, { resolved: '', failures })),
    ...trials,
  ];
}

let bundle: Promise<WorkflowBundleWithSourceMap> | undefined;

/** The bundle of the workflows, built once a test process. */
export function workflowBundle(): Promise<WorkflowBundleWithSourceMap> {
  bundle ??= bundleWorkflows();
  return bundle;
}

/** Runs `body` with workers on all queues of a server. */
export async function withWorkers<T>(
  server: TestWorkflowEnvironment,
  activities: Activities,
  body: () => Promise<T>,
  slots: Readonly<Record<string, number>> = {},
  workflows = workflowBundle(),
): Promise<T> {
  const workflowBundleCode = await workflows;
  const shared = { connection: server.nativeConnection, activities };
  const study = await Worker.create({
    ...shared,
    taskQueue: 'kdx',
    maxConcurrentActivityTaskExecutions: slots['kdx'] ?? 100,
    workflowBundle: workflowBundleCode,
    maxHeartbeatThrottleInterval: '1 second',
  });
  let run = study.runUntil.bind(study) as (body: () => Promise<T>) => Promise<T>;
  for (const taskQueue of ['kdx-legs-cpu', 'kdx-report', 'kdx-record']) {
    const worker = await Worker.create({
      ...shared,
      taskQueue,
      maxConcurrentActivityTaskExecutions: slots[taskQueue] ?? 100,
      maxHeartbeatThrottleInterval: '1 second',
    });
    const outer = run;
    run = (inner) => outer(() => worker.runUntil(inner));
  }
  return await run(body);
}

/** A small study: a teacher, one arm, and students by CE and KD over two seeds. */
export function smallStudy(changes: Partial<StudyInput> = {}): StudyInput {
  const train = { epochs: 2, optimizer: { name: 'sgd' } } as const;
  return {
    name: `small-${randomUUID().slice(0, 8)}`,
    dataset: { name: 'digits' },
    seeds: { init: [1, 2], data: [1, 2] },
    teachers: [{ id: 'big', model: { name: 'resnet14' }, train }],
    sweep: {
      students: [{ name: 'resnet8' }],
      methods: [
        { id: 'CE', distillers: [{ name: 'ce' }] },
        {
          id: 'KD',
          distillers: [
            { name: 'ce', weight: 0.1 },
            { name: 'kd', weight: 0.9 },
          ],
        },
      ],
      train,
    },
    ...changes,
  };
}
