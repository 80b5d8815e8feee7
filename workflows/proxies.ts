import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type {
  BenchmarkActivities,
  CollectActivities,
  JanitorActivities,
  LegActivities,
  LegReport,
  RecordActivities,
  ReportActivities,
  StopActivities,
  StudyActivities,
} from '../activities/contract.ts';
import {
  JOB_CONTROL_QUEUE,
  JOB_QUEUE,
  legQueue,
  poolQueue,
  RECORD_QUEUE,
  REPORT_QUEUE,
  STUDY_QUEUE,
} from '../leg/queues.ts';
import type { LegPriority } from '../leg/priority.ts';
import type { Leg, Place } from '../leg/spec.ts';

/** Retried for ever: a store or a server that is down is waited for, and says so in `describe`. */
const patient = { initialInterval: '1 second', maximumInterval: '1 minute' } as const;
const veryPatient = { initialInterval: '1 second', maximumInterval: '5 minutes' } as const;

/** What may take minutes sends a heartbeat every 10 s: a worker that is gone is noticed by that. */
const SILENCE = '1 minute';

export const { findResults, keepFailures, lookAtTrials, measureLegs, readFailures, readStudy } =
  proxyActivities<StudyActivities>({
    taskQueue: STUDY_QUEUE,
    startToCloseTimeout: '1 minute',
    retry: patient,
  });

/** A million objects take an hour. */
export const { collectGarbage } = proxyActivities<CollectActivities>({
  taskQueue: STUDY_QUEUE,
  startToCloseTimeout: '12 hours',
  heartbeatTimeout: SILENCE,
  retry: { ...patient, maximumAttempts: 8 },
});

export const { planBenchmark, judgeBenchmark } = proxyActivities<BenchmarkActivities>({
  taskQueue: STUDY_QUEUE,
  startToCloseTimeout: '5 minutes',
  retry: patient,
});

/** Uploading a dataset takes its time, and so does looking up thousands of results. */
export const { resolveStudy, lookUpPlan } = proxyActivities<StudyActivities>({
  taskQueue: STUDY_QUEUE,
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: SILENCE,
  retry: patient,
});

/**
 * No heartbeat for so long means that the worker is gone or cannot reach the server: the next attempt
 * finds the result, adopts the process or Job that still runs, or goes on from the last checkpoint. A
 * worker has few processes beside it but waits for thousands of Jobs, which go on without it.
 */
const HEARTBEAT_TIMEOUT = { local: '20 seconds', pool: '20 seconds', kubernetes: SILENCE } as const;

/** Runs a leg where it belongs: cancelling waits for its checkpoint. */
export function runLeg(leg: Leg, place: Place, priority?: LegPriority): Promise<LegReport> {
  const legs = proxyActivities<LegActivities>({
    taskQueue: queueOf(leg, place),
    startToCloseTimeout: '30 days',
    heartbeatTimeout: HEARTBEAT_TIMEOUT[place.executor],
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    ...(priority === undefined ? {} : { priority }),
    // Never a long wait, however often a leg has lost its worker.
    retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
  });
  return legs.runLeg(leg);
}

function queueOf({ spec, resources }: Leg, { executor, flavours }: Place): string {
  if (executor === 'kubernetes') return JOB_QUEUE;
  const flavour = resources.flavour ?? flavours[0];
  return executor === 'local' || flavour === undefined
    ? legQueue(spec.device.kind)
    : poolQueue(flavour);
}

/** A stop is durable: tried for ever, by whichever worker can reach the leg. */
export function stopLeg(leg: Leg, { executor }: Place): Promise<void> {
  const stops = proxyActivities<StopActivities>({
    taskQueue: executor === 'kubernetes' ? JOB_CONTROL_QUEUE : STUDY_QUEUE,
    startToCloseTimeout: '1 hour',
    heartbeatTimeout: SILENCE,
    retry: patient,
  });
  return stops.stopLeg(leg);
}

/**
 * The janitor comes again, so it gives up: where no worker has the role `jobs`, its run says so instead
 * of waiting for one.
 */
export const { listLiveLegs, removeLegs } = proxyActivities<JanitorActivities>({
  taskQueue: JOB_CONTROL_QUEUE,
  scheduleToStartTimeout: '5 minutes',
  startToCloseTimeout: '5 minutes',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds', maximumAttempts: 8 },
});

export const { renderReport } = proxyActivities<ReportActivities>({
  taskQueue: REPORT_QUEUE,
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: SILENCE,
  retry: patient,
});

/** MLflow may be down for days: nothing fails and nothing is lost. */
export const { recordTrials, recordPlan, recordReport } = proxyActivities<RecordActivities>({
  taskQueue: RECORD_QUEUE,
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: SILENCE,
  retry: veryPatient,
});
