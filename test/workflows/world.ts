import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Runtime, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type {
  LegActivities,
  LegReport,
  OutputActivities,
  ResolvedStudy,
  ResultSummary,
  StudyActivities,
} from '../../activities/contract.ts';
import { bundleWorkflows } from '../../bin/worker/bundle.ts';
import type { Leg } from '../../leg/spec.ts';
import { digestJson } from '../../study/canonical.ts';
import { DISTILLER_NAMES } from '../../study/catalog.ts';
import { MODEL_NAMES } from '../../study/models/models.ts';
import type { CodeIndex } from '../../study/code.ts';
import { resolveStudy } from '../../study/resolve.ts';
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
  readonly results: Map<string, ResultSummary>;
  readonly legs: Leg[];
  readonly looked: number[];
  readonly recorded: string[];
  readonly reports: number[];
  /** Workflow ids that were measured, call by call. */
  readonly measured: (readonly string[])[];
  leg: LegBehaviour;
  /** Device seconds of the launch under way of a trial's workflow. */
  measure: (workflowId: string) => number;
};

export function createWorld(leg?: LegBehaviour): World {
  const world: World = {
    results: new Map(),
    legs: [],
    looked: [],
    recorded: [],
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
  distillers: Object.fromEntries(
    DISTILLER_NAMES.map((name) => [name, name]),
  ) as CodeIndex['distillers'],
};

export function resolved(input: unknown): ResolvedStudy {
  const resolution = resolveStudy(input);
  if (!resolution.ok) throw new Error(JSON.stringify(resolution.problems));
  return { study: resolution.study, datasetDigest: 'dataset', code: CODE_INDEX };
}

export function activitiesOf(world: World): StudyActivities & LegActivities & OutputActivities {
  return {
    resolveStudy: (input) => Promise.resolve(resolved(input)),
    findResults: (keys) => {
      world.looked.push(keys.length);
      return Promise.resolve(
        keys.flatMap((key) => {
          const result = world.results.get(key);
          return result === undefined ? [] : [result];
        }),
      );
    },
    awaitTrial: () => Promise.resolve({ status: 'gone' }),
    measureLegs: (workflowIds) => {
      world.measured.push(workflowIds);
      return Promise.resolve(workflowIds.map((id) => world.measure(id)));
    },
    runLeg: async (leg) => {
      world.legs.push(leg);
      return await world.leg(leg);
    },
    renderReport: () => {
      world.reports.push(world.results.size);
      return Promise.resolve({ page: 'reports/x/index.html', markdown: 'report.md', files: [] });
    },
    recordTrial: ({ trial }) => {
      world.recorded.push(trial);
      return Promise.resolve();
    },
    recordReport: () => Promise.resolve(),
  };
}

let bundle: Promise<WorkflowBundleWithSourceMap> | undefined;

/** The bundle of the workflows, built once a test process. */
export function workflowBundle(): Promise<WorkflowBundleWithSourceMap> {
  bundle ??= bundleWorkflows();
  return bundle;
}

type Activities = ReturnType<typeof activitiesOf>;

/** Runs `body` with workers on all three queues of a server. */
export async function withWorkers<T>(
  server: TestWorkflowEnvironment,
  activities: Activities,
  body: () => Promise<T>,
): Promise<T> {
  const workflowBundleCode = await workflowBundle();
  const shared = { connection: server.nativeConnection, activities };
  const study = await Worker.create({
    ...shared,
    taskQueue: 'kdx',
    workflowBundle: workflowBundleCode,
    maxHeartbeatThrottleInterval: '1 second',
  });
  const legs = await Worker.create({
    ...shared,
    taskQueue: 'kdx-legs',
    maxHeartbeatThrottleInterval: '1 second',
  });
  const output = await Worker.create({ ...shared, taskQueue: 'kdx-io' });
  return await study.runUntil(legs.runUntil(output.runUntil(body)));
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
