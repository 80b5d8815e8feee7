import {
  ActivityFailure,
  CancellationScope,
  CancelledFailure,
  getExternalWorkflowHandle,
  isCancellation,
  log,
  workflowInfo,
} from '@temporalio/workflow';
import type { LegHeartbeat, LegReport } from '../activities/contract.ts';
import type { LegPriority } from '../leg/priority.ts';
import type { Leg, Place } from '../leg/spec.ts';
import type { LaunchEnd } from './device-account.ts';
import { launchEndedSignal } from './messages.ts';
import { runLeg, stopLeg } from './proxies.ts';

/** Runs a leg. A study that meters its legs is told what the launch used, however it ended. */
export async function launchLeg(
  leg: Leg,
  place: Place,
  { metered, priority }: { readonly metered?: boolean; readonly priority?: LegPriority },
): Promise<LegReport> {
  let deviceSeconds = 0;
  try {
    const report = await runLeg(leg, place, priority);
    deviceSeconds = report.deviceSeconds;
    return report;
  } catch (error) {
    deviceSeconds = secondsUntilStopped(error);
    // The activity stops its leg when it can; its worker may have died in that moment, or be cut off.
    if (!CancellationScope.current().consideredCancelled) throw error;
    await CancellationScope.nonCancellable(() => stopLeg(leg, place));
    throw isCancellation(error) ? error : new CancelledFailure('the leg was stopped');
  } finally {
    if (metered === true && deviceSeconds > 0) await tellStudy({ key: leg.key, deviceSeconds });
  }
}

/** A leg that was cancelled says in its failure what it used. */
function secondsUntilStopped(error: unknown): number {
  if (!(error instanceof ActivityFailure && error.cause instanceof CancelledFailure)) return 0;
  const heartbeat = error.cause.details[0] as LegHeartbeat | undefined;
  return heartbeat?.deviceSeconds ?? 0;
}

/** The study receives this before the end of the trial: the trial waits for it. */
async function tellStudy(end: LaunchEnd): Promise<void> {
  const { parent } = workflowInfo();
  if (parent === undefined) return;
  // This very run: a study that was started anew in the meantime has an account of its own.
  const study = getExternalWorkflowHandle(parent.workflowId, parent.runId);
  try {
    await CancellationScope.nonCancellable(() => study.signal(launchEndedSignal, end));
  } catch (error) {
    log.warn('the study is gone and counts no device time', { error: String(error) });
  }
}
