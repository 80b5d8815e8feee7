import {
  ApplicationFailure,
  CancellationScope,
  ChildWorkflowCancellationType,
  ChildWorkflowFailure,
  isCancellation,
  ParentClosePolicy,
  startChild,
} from '@temporalio/workflow';
import { TerminatedFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { Launch } from '../leg/decide.ts';
import { legPriority } from '../leg/priority.ts';
import type { BoundTrial } from '../study/plan/plan.ts';
import { trialAttributes } from './attributes.ts';
import { isSpent, noteTrialEnd, noteTrialStart } from './device-account.ts';
import { findResult } from './find.ts';
import {
  completeTrial,
  entryOf,
  evaluationToo,
  failTrial,
  pause,
  putBack,
  type StudyRun,
} from './state.ts';
import { noteLaunches } from './streaks.ts';
import { failureOf } from './trial-failure.ts';
import { trial, trialWorkflowId, type TrialInput, type TrialReport } from './trial.ts';

/** Runs one trial, or waits for its twin of the same key, and notes how it ended. Never rejects. */
export async function followTrial(run: StudyRun, bound: BoundTrial): Promise<void> {
  const twin = run.underWay.get(bound.key);
  try {
    const report = twin === undefined ? await ownTrial(run, bound) : await lookUpTwin(bound, twin);
    if (report === undefined) return putBack(run, bound.id);
    run.launches += report.launches;
    completeTrial(run, bound.id, report, report.launches === 0);
    watchHosts(run, bound.key, report.ends);
  } catch (error) {
    noteFailure(run, bound, error);
  }
}

/** Runs a trial; undefined when another study runs it and this one no longer waits. */
async function ownTrial(run: StudyRun, bound: BoundTrial): Promise<TrialReport | undefined> {
  const report =
    run.legs === undefined ? runTrial(run, bound) : run.legs.run(() => runTrial(run, bound));
  const ended = report.then(
    () => undefined,
    () => undefined,
  );
  run.underWay.set(bound.key, ended);
  try {
    return await report;
  } finally {
    run.underWay.delete(bound.key);
    if (run.device !== undefined) noteTrialEnd(run.device, bound.key);
  }
}

async function lookUpTwin({ id, key }: BoundTrial, twin: Promise<void>): Promise<TrialReport> {
  await twin;
  const result = await findResult(key);
  if (result !== undefined) return { ...result, launches: 0, ends: [] };
  throw ApplicationFailure.nonRetryable(`${id} has the same key as a trial that failed`, 'Stopped');
}

async function runTrial(run: StudyRun, bound: BoundTrial): Promise<TrialReport | undefined> {
  const { id, key, spec } = bound;
  const workflowId = trialWorkflowId(key);
  const earlier = entryOf(run, id).earlier ?? [];
  const evaluation = evaluationToo(run, id);
  const input: TrialInput = {
    ...{ key, spec, trial: id, study: run.resolved.study.name, earlier },
    resources: { memoryMiB: entryOf(run, id).node.memoryMiB },
    place: run.resolved.place,
    priority: legPriority(run.resolved.study.name, run.priority, entryOf(run, id).node.section),
    ...(evaluation === undefined ? {} : { evaluation }),
    ...(run.device === undefined ? {} : { metered: true }),
  };
  for (;;) {
    try {
      const child = await startChild(trial, {
        workflowId,
        args: [input],
        staticSummary: id,
        ...trialAttributes(run, bound),
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      });
      if (run.device !== undefined) noteTrialStart(run.device, key);
      return await child.result().catch((error: unknown) => resultDespite(error, key));
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    // Another study computes the same key: its result is ours, its failure too.
    const end = await run.foreign.wait(workflowId);
    if (end.status === 'released') return undefined;
    const result = await findResult(key);
    if (result !== undefined) return { ...result, launches: 0, ends: [] };
    if (end.status === 'failed') {
      throw ApplicationFailure.nonRetryable(end.failure.message, end.failure.code);
    }
  }
}

/** A trial that was terminated may have left its result before. */
async function resultDespite(error: unknown, key: string): Promise<TrialReport> {
  const wasTerminated =
    error instanceof ChildWorkflowFailure && error.cause instanceof TerminatedFailure;
  const result = wasTerminated ? await findResult(key) : undefined;
  if (result === undefined) throw error;
  return { ...result, launches: 1, ends: [] };
}

function noteFailure(run: StudyRun, { id, key }: BoundTrial, error: unknown): void {
  const { failure, ends, bugs } = failureOf(error);
  // Stopped at the limit, or the twin of a trial that was.
  if (isSpent(run.device) && failure.code === 'Stopped') return putBack(run, id);

  // A trial that a person cancels has failed, and may be retried; one that its study cancels has not.
  const isStudyCancelled = CancellationScope.current().consideredCancelled;
  if (isStudyCancelled && isCancellation(error)) return putBack(run, id);
  failTrial(run, id, failure, bugs);
  watchHosts(run, key, ends);
}

/** Pauses the study when a host, or the build on it, fails one trial after the other. */
function watchHosts(run: StudyRun, key: string, launches: readonly Launch[]): void {
  const reason = noteLaunches(run.streaks, key, launches);
  if (reason !== undefined) pause(run, reason);
}
