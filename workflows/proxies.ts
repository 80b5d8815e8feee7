import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type {
  LegActivities,
  LegReport,
  RecordActivities,
  ReportActivities,
  StopActivities,
  StudyActivities,
} from '../activities/contract.ts';
import { legQueue, RECORD_QUEUE, REPORT_QUEUE, STUDY_QUEUE } from '../leg/queues.ts';
import type { Leg } from '../leg/spec.ts';
import type { DeviceKind } from '../study/catalog.ts';

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

/** Uploading a dataset takes its time. */
export const { resolveStudy } = proxyActivities<StudyActivities>({
  taskQueue: STUDY_QUEUE,
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: SILENCE,
  retry: patient,
});

/**
 * No heartbeat for 20 s means that the worker is gone or cannot reach the server: the next attempt finds
 * the result, adopts the process that still runs, or goes on from the last checkpoint. Retries never wait
 * long, however often a leg has lost its worker. Cancelling waits for the checkpoint.
 */
const legsOn = (device: DeviceKind) =>
  proxyActivities<LegActivities>({
    taskQueue: legQueue(device),
    startToCloseTimeout: '30 days',
    heartbeatTimeout: '20 seconds',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
  });

const LEGS: Readonly<Record<DeviceKind, LegActivities>> = {
  cpu: legsOn('cpu'),
  cuda: legsOn('cuda'),
};

/** Runs a leg on a worker that has its device. */
export function runLeg(leg: Leg): Promise<LegReport> {
  return LEGS[leg.spec.device.kind].runLeg(leg);
}

/** A stop is durable: tried for ever, by whichever worker there is. */
export const { stopLeg } = proxyActivities<StopActivities>({
  taskQueue: STUDY_QUEUE,
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: SILENCE,
  retry: patient,
});

export const { renderReport } = proxyActivities<ReportActivities>({
  taskQueue: REPORT_QUEUE,
  startToCloseTimeout: '1 hour',
  heartbeatTimeout: SILENCE,
  retry: patient,
});

/** MLflow may be down for days: nothing fails and nothing is lost. */
export const { recordTrials, recordReport } = proxyActivities<RecordActivities>({
  taskQueue: RECORD_QUEUE,
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: SILENCE,
  retry: veryPatient,
});
