import { Worker, type NativeConnection, type WorkerOptions } from '@temporalio/worker';
import type {
  BenchmarkActivities,
  CollectActivities,
  JanitorActivities,
  LegActivities,
  RecordActivities,
  ReportActivities,
  StopActivities,
  StudyActivities,
} from '../../activities/contract.ts';
import {
  JOB_CONTROL_QUEUE,
  JOB_QUEUE,
  RECORD_QUEUE,
  REPORT_QUEUE,
  STUDY_QUEUE,
} from '../../leg/queues.ts';
import type { WorkflowBundle } from './bundle.ts';

/** What a worker serves, by its roles: what is absent it leaves to others. */
export type Served = {
  readonly workflows?: StudyActivities &
    BenchmarkActivities &
    CollectActivities &
    StopActivities & {
      /** What `workflowBundle` gave. */
      readonly bundle: WorkflowBundle;
    };
  readonly legs?: LegActivities & {
    readonly queues: readonly LegQueue[];
    /** How long a leg may take to write its checkpoint when the worker is told to stop. */
    readonly stopSeconds: number;
  };
  readonly jobs?: LegActivities & StopActivities & JanitorActivities;
  readonly reports?: ReportActivities;
  readonly records?: RecordActivities;
};

/** A queue of legs, and how many of them run at once. */
export type LegQueue = { readonly name: string; readonly slots: number };

/** Workflows kept in memory; one study of a thousand trials has few alive at once. */
const CACHED_WORKFLOWS = 200;
const STUDY_ACTIVITY_SLOTS = 200;
/** Each waits for a Job, and does nothing else. */
const JOB_SLOTS = 2000;
const JOB_CONTROL_SLOTS = 50;
/** Drawing is work for one core. */
const REPORT_SLOTS = 2;
/** One batch a recorder is under way at once; each writes several trials side by side. */
const RECORD_SLOTS = 4;
/** Longest time between two heartbeats, and so until a cancel is heard. */
const HEARTBEAT = '5 seconds';
/** Of Jobs there are thousands. */
const JOB_HEARTBEAT = '10 seconds';
const GRACE = '5 seconds';

/** A build among the workers of a deployment. */
export type Build = { readonly deploymentName: string; readonly buildId: string };

/** One worker a queue, all on one connection: what one queue waits for holds up no other. */
export async function createWorkers(
  connection: NativeConnection,
  namespace: string,
  served: Served,
  build?: Build,
): Promise<readonly Worker[]> {
  const shared = {
    ...{ connection, namespace, maxHeartbeatThrottleInterval: HEARTBEAT },
    ...(build === undefined ? {} : { workerDeploymentOptions: pinnedTo(build) }),
  };
  const options = [
    ...workflowQueues(served),
    ...legQueues(served),
    ...jobQueues(served),
    ...(served.reports === undefined
      ? []
      : [activityQueue(REPORT_QUEUE, served.reports, REPORT_SLOTS)]),
    ...(served.records === undefined
      ? []
      : [activityQueue(RECORD_QUEUE, served.records, RECORD_SLOTS)]),
  ];
  return await Promise.all(options.map((own) => Worker.create({ ...shared, ...own })));
}

/** What a study began on, it ends on: with its trials, its legs and what they record. */
function pinnedTo(version: Build) {
  return { version, useWorkerVersioning: true, defaultVersioningBehavior: 'PINNED' } as const;
}

type Queue = Omit<WorkerOptions, 'connection' | 'namespace'>;

function activityQueue(taskQueue: string, activities: object, slots: number): Queue {
  return {
    ...{ taskQueue, activities, shutdownGraceTime: GRACE },
    maxConcurrentActivityTaskExecutions: slots,
  };
}

function workflowQueues({ workflows }: Served): readonly Queue[] {
  if (workflows === undefined) return [];
  const { bundle, ...activities } = workflows;
  return [
    {
      ...activityQueue(STUDY_QUEUE, activities, STUDY_ACTIVITY_SLOTS),
      ...{ workflowBundle: bundle, maxCachedWorkflows: CACHED_WORKFLOWS },
    },
  ];
}

function legQueues({ legs }: Served): readonly Queue[] {
  if (legs === undefined) return [];
  const { queues, stopSeconds, runLeg } = legs;
  return queues.map(({ name, slots }) => ({
    ...activityQueue(name, { runLeg }, slots),
    // Legs are told at once: they need the time for their checkpoints.
    ...{ shutdownGraceTime: 0, shutdownForceTime: `${stopSeconds} seconds` },
  }));
}

function jobQueues({ jobs }: Served): readonly Queue[] {
  if (jobs === undefined) return [];
  const { runLeg, ...control } = jobs;
  return [
    {
      ...activityQueue(JOB_QUEUE, { runLeg }, JOB_SLOTS),
      // Jobs go on without this worker: the next one adopts them.
      ...{ shutdownGraceTime: 0, maxHeartbeatThrottleInterval: JOB_HEARTBEAT },
    },
    activityQueue(JOB_CONTROL_QUEUE, control, JOB_CONTROL_SLOTS),
  ];
}
