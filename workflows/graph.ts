import {
  ApplicationFailure,
  ChildWorkflowCancellationType,
  condition,
  isCancellation,
  ParentClosePolicy,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { ResultSummary } from '../activities/contract.ts';
import type { BoundTrial } from '../study/plan/plan.ts';
import { isSpent, noteTrialEnd, noteTrialStart } from './device-account.ts';
import { awaitTrial, findResults } from './proxies.ts';
import {
  bindEntry,
  completeTrial,
  entryOf,
  failTrial,
  putBack,
  setState,
  type StudyRun,
} from './state.ts';
import { failureOf } from './trial-failure.ts';
import { trial, trialWorkflowId, type TrialReport } from './trial.ts';

/** Keys in one call of `findResults`: its answer stays below 64 KiB. */
const FIND_BATCH = 40;

/** How the graph loop came to its end. */
export type GraphEnd = 'settled' | 'history-full' | 'limit-reached';

/**
 * Runs the trials of a study: what is found by key is done, the rest runs as child workflows in a
 * window of `run.parallel`, dearest path first. A failed trial blocks only what needs it. Ends when
 * nothing is left to do, or, with nothing under way, when the history has grown too long or the
 * device time is spent.
 */
export async function runGraph(run: StudyRun): Promise<GraphEnd> {
  const lookedUp = new Set<string>();
  for (;;) {
    await lookUpReady(run, lookedUp);
    if (run.schedule.settled()) return 'settled';
    if (isSpent(run.device) && run.schedule.running() === 0) return 'limit-reached';
    const full = workflowInfo().continueAsNewSuggested;
    if (full && run.underWay.size === 0) return 'history-full';
    if (mayStart(run)) startReady(run, lookedUp);
    await nextChange(run, lookedUp);
  }
}

/** Whether trials may be started, if there are any. */
function mayStart(run: StudyRun): boolean {
  return !run.paused && !workflowInfo().continueAsNewSuggested && !isSpent(run.device);
}

/** Resolves when a trial has ended, or a message has changed what may start. */
async function nextChange(run: StudyRun, lookedUp: ReadonlySet<string>): Promise<void> {
  const { schedule } = run;
  const running = schedule.running();
  const startable = (): boolean =>
    mayStart(run) && schedule.running() < run.parallel && schedule.ready().length > 0;
  const unseen = (): boolean => schedule.ready().some((id) => !lookedUp.has(id));
  await condition(
    () => schedule.running() < running || startable() || unseen() || schedule.settled(),
  );
}

/** Looks up every trial that has become ready, until no further one becomes ready by it. */
async function lookUpReady(run: StudyRun, lookedUp: Set<string>): Promise<void> {
  for (;;) {
    const fresh = run.schedule.ready().filter((id) => !lookedUp.has(id));
    if (fresh.length === 0) return;
    const bound = fresh.map((id) => bindEntry(run, id));
    for (const id of fresh) lookedUp.add(id);
    const keys = [...new Set(bound.map(({ key }) => key))].filter((key) => !run.underWay.has(key));
    const found = await findAll(keys);
    for (const { id, key } of bound) {
      const result = found.get(key);
      // While the answer came, a twin of the same key may have been started: then it is awaited.
      if (result !== undefined && run.schedule.state(id) === 'waiting') {
        completeTrial(run, id, result, true);
      }
    }
  }
}

async function findAll(keys: readonly string[]): Promise<ReadonlyMap<string, ResultSummary>> {
  const batches = Array.from({ length: Math.ceil(keys.length / FIND_BATCH) }, (_, i) =>
    keys.slice(i * FIND_BATCH, (i + 1) * FIND_BATCH),
  );
  const found = await Promise.all(batches.map((batch) => findResults(batch)));
  return new Map(found.flat().map((result) => [result.key, result]));
}

function startReady(run: StudyRun, lookedUp: ReadonlySet<string>): void {
  for (const id of run.schedule.ready()) {
    if (run.schedule.running() >= run.parallel) return;
    if (!lookedUp.has(id)) continue;
    run.schedule.start(id);
    setState(run, entryOf(run, id), 'running');
    void followTrial(run, bindEntry(run, id));
  }
}

/** Runs one trial, or waits for its twin of the same key, and notes how it ended. Never rejects. */
async function followTrial(run: StudyRun, bound: BoundTrial): Promise<void> {
  const twin = run.underWay.get(bound.key);
  try {
    const report = twin === undefined ? await ownTrial(run, bound) : await lookUpTwin(bound, twin);
    run.launches += report.launches;
    completeTrial(run, bound.id, report, report.launches === 0);
  } catch (error) {
    noteFailure(run, bound.id, error);
  }
}

async function ownTrial(run: StudyRun, bound: BoundTrial): Promise<TrialReport> {
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
  const [result] = await findResults([key]);
  if (result !== undefined) return { ...result, launches: 0 };
  throw ApplicationFailure.nonRetryable(`${id} has the same key as a trial that failed`, 'Stopped');
}

async function runTrial(run: StudyRun, bound: BoundTrial): Promise<TrialReport> {
  const { id, key, spec } = bound;
  const workflowId = trialWorkflowId(key);
  const earlier = entryOf(run, id).earlier ?? [];
  const metered = run.device === undefined ? {} : { metered: true };
  for (;;) {
    try {
      const child = await startChild(trial, {
        workflowId,
        args: [{ key, spec, trial: id, study: run.resolved.study.name, earlier, ...metered }],
        staticSummary: id,
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      });
      if (run.device !== undefined) noteTrialStart(run.device, key);
      return await child.result();
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    // Another study computes the same key: its result is ours, its failure too.
    const end = await awaitTrial(workflowId);
    const [result] = await findResults([key]);
    if (result !== undefined) return { ...result, launches: 0 };
    if (end.status === 'failed') {
      throw ApplicationFailure.nonRetryable(end.failure.message, end.failure.code);
    }
  }
}

function noteFailure(run: StudyRun, id: string, error: unknown): void {
  const { failure, bugs } = failureOf(error);
  // Stopped at the limit, or the twin of a trial that was.
  if (isSpent(run.device) && failure.code === 'Stopped') return putBack(run, id);

  failTrial(run, id, failure, bugs);
  if (isCancellation(error)) setState(run, entryOf(run, id), 'cancelled');
}
