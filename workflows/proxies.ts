import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type { LegActivities, OutputActivities, StudyActivities } from '../activities/contract.ts';
import { LEG_QUEUE, OUTPUT_QUEUE, STUDY_QUEUE } from './queues.ts';

/** Retried for ever: a store or a server that is down is waited for, and says so in `describe`. */
const patient = { initialInterval: '1 second', maximumInterval: '1 minute' } as const;
const veryPatient = { initialInterval: '1 second', maximumInterval: '5 minutes' } as const;

export const { findResults, measureLegs } = proxyActivities<StudyActivities>({
  taskQueue: STUDY_QUEUE,
  startToCloseTimeout: '1 minute',
  retry: patient,
});

/** Uploading a dataset takes its time. */
export const { resolveStudy } = proxyActivities<StudyActivities>({
  taskQueue: STUDY_QUEUE,
  startToCloseTimeout: '30 minutes',
  retry: patient,
});

export const { awaitTrial } = proxyActivities<StudyActivities>({
  taskQueue: STUDY_QUEUE,
  startToCloseTimeout: '30 days',
  heartbeatTimeout: '30 seconds',
  retry: patient,
});

/**
 * No heartbeat for 20 s means that the worker is gone: a leg never outlives its worker, so the next
 * attempt finds the result, or goes on from the last checkpoint. Cancelling waits for the checkpoint.
 */
export const { runLeg } = proxyActivities<LegActivities>({
  taskQueue: LEG_QUEUE,
  startToCloseTimeout: '30 days',
  heartbeatTimeout: '20 seconds',
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
  retry: veryPatient,
});

export const { renderReport } = proxyActivities<OutputActivities>({
  taskQueue: OUTPUT_QUEUE,
  startToCloseTimeout: '10 minutes',
  retry: patient,
});

/** MLflow may be down for days: nothing fails and nothing is lost. */
export const { recordTrial, recordReport } = proxyActivities<OutputActivities>({
  taskQueue: OUTPUT_QUEUE,
  startToCloseTimeout: '5 minutes',
  retry: veryPatient,
});
