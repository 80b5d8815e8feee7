import {
  Worker,
  type NativeConnection,
  type WorkerOptions,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import type {
  LegActivities,
  OutputActivities,
  StudyActivities,
} from '../../activities/contract.ts';
import { LEG_QUEUE, OUTPUT_QUEUE, STUDY_QUEUE } from '../../workflows/queues.ts';

export type WorkersOptions = {
  readonly connection: NativeConnection;
  /** What `bundleWorkflows` made. */
  readonly workflowBundle: WorkflowBundleWithSourceMap;
  readonly namespace: string;
  readonly study: StudyActivities;
  readonly leg: LegActivities;
  readonly output: OutputActivities;
  readonly legSlots: number;
  /** How long a leg may take to write its checkpoint when the worker is told to stop. */
  readonly legStopSeconds: number;
};

/** Workflows kept in memory; one study of a thousand trials has few alive at once. */
const CACHED_WORKFLOWS = 200;
/** Trials of other studies that can be waited for at once are bounded by these slots. */
const STUDY_ACTIVITY_SLOTS = 200;
const OUTPUT_SLOTS = 4;
/** Longest time between two heartbeats, and so until a cancel is heard. */
const HEARTBEAT = '5 seconds';

/** One worker a queue, all on one connection. */
export async function createWorkers(options: WorkersOptions): Promise<readonly Worker[]> {
  const { connection, namespace } = options;
  const shared = { connection, namespace, maxHeartbeatThrottleInterval: HEARTBEAT } as const;
  const study: WorkerOptions = {
    ...shared,
    taskQueue: STUDY_QUEUE,
    workflowBundle: options.workflowBundle,
    activities: options.study,
    maxCachedWorkflows: CACHED_WORKFLOWS,
    maxConcurrentActivityTaskExecutions: STUDY_ACTIVITY_SLOTS,
    shutdownGraceTime: '5 seconds',
  };
  const legs: WorkerOptions = {
    ...shared,
    taskQueue: LEG_QUEUE,
    activities: options.leg,
    maxConcurrentActivityTaskExecutions: options.legSlots,
    // Legs are told at once: they need the time for their checkpoints.
    shutdownGraceTime: 0,
    shutdownForceTime: `${options.legStopSeconds} seconds`,
  };
  const output: WorkerOptions = {
    ...shared,
    taskQueue: OUTPUT_QUEUE,
    activities: options.output,
    maxConcurrentActivityTaskExecutions: OUTPUT_SLOTS,
    shutdownGraceTime: '5 seconds',
  };
  return await Promise.all([study, legs, output].map((worker) => Worker.create(worker)));
}
