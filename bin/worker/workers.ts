import {
  Worker,
  type NativeConnection,
  type WorkerOptions,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import type {
  LegActivities,
  RecordActivities,
  ReportActivities,
  StopActivities,
  StudyActivities,
} from '../../activities/contract.ts';
import {
  legQueue,
  RECORD_QUEUE,
  REPORT_QUEUE,
  STUDY_QUEUE,
  type DeviceKind,
} from '../../leg/queues.ts';

export type WorkersOptions = {
  readonly connection: NativeConnection;
  /** What `bundleWorkflows` made. */
  readonly workflowBundle: WorkflowBundleWithSourceMap;
  readonly namespace: string;
  readonly study: StudyActivities;
  readonly leg: LegActivities & StopActivities;
  readonly report: ReportActivities;
  readonly record: RecordActivities;
  /** Devices that legs can have here. */
  readonly devices: readonly DeviceKind[];
  /** Legs on the CPU at once. */
  readonly legSlots: number;
  /** How long a leg may take to write its checkpoint when the worker is told to stop. */
  readonly legStopSeconds: number;
};

/** Workflows kept in memory; one study of a thousand trials has few alive at once. */
const CACHED_WORKFLOWS = 200;
const STUDY_ACTIVITY_SLOTS = 200;
/** A leg takes the one GPU that its process sees. */
export const GPU_LEG_SLOTS = 1;
/** Drawing is work for one core. */
const REPORT_SLOTS = 2;
/** One batch a recorder is under way at once; each writes several trials side by side. */
const RECORD_SLOTS = 4;
/** Longest time between two heartbeats, and so until a cancel is heard. */
const HEARTBEAT = '5 seconds';

/** One worker a queue, all on one connection: what one queue waits for holds up no other. */
export async function createWorkers(options: WorkersOptions): Promise<readonly Worker[]> {
  const { connection, namespace } = options;
  const shared = { connection, namespace, maxHeartbeatThrottleInterval: HEARTBEAT } as const;
  const study: WorkerOptions = {
    ...shared,
    taskQueue: STUDY_QUEUE,
    workflowBundle: options.workflowBundle,
    activities: { ...options.study, stopLeg: options.leg.stopLeg },
    maxCachedWorkflows: CACHED_WORKFLOWS,
    maxConcurrentActivityTaskExecutions: STUDY_ACTIVITY_SLOTS,
    shutdownGraceTime: '5 seconds',
  };
  const legs = options.devices.map((device): WorkerOptions => ({
    ...shared,
    taskQueue: legQueue(device),
    activities: { runLeg: options.leg.runLeg },
    maxConcurrentActivityTaskExecutions: device === 'cuda' ? GPU_LEG_SLOTS : options.legSlots,
    // Legs are told at once: they need the time for their checkpoints.
    shutdownGraceTime: 0,
    shutdownForceTime: `${options.legStopSeconds} seconds`,
  }));
  const report: WorkerOptions = {
    ...shared,
    taskQueue: REPORT_QUEUE,
    activities: options.report,
    maxConcurrentActivityTaskExecutions: REPORT_SLOTS,
    shutdownGraceTime: '5 seconds',
  };
  const record: WorkerOptions = {
    ...shared,
    taskQueue: RECORD_QUEUE,
    activities: options.record,
    maxConcurrentActivityTaskExecutions: RECORD_SLOTS,
    shutdownGraceTime: '5 seconds',
  };
  return await Promise.all([study, ...legs, report, record].map((one) => Worker.create(one)));
}
