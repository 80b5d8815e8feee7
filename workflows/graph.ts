import { condition, workflowInfo } from '@temporalio/workflow';
import { isSpent } from './device-account.ts';
import { findAll } from './find.ts';
import { followTrial } from './follow.ts';
import {
  bindEntry,
  completeTrial,
  entryOf,
  failTrial,
  isEvaluatedHere,
  setState,
  type StudyRun,
} from './state.ts';

/** How the graph loop came to its end. */
export type GraphEnd = 'settled' | 'history-full' | 'limit-reached';

/**
 * Runs the trials of a study: what is found by key is done, the rest runs as child workflows in a
 * window of `run.parallel`, critical path first. A failed trial blocks only what needs it. Ends when
 * nothing is left to do, or, with nothing under way, when the history has grown too long or the
 * device time is spent. No failed trial can be retried from then on, unless the history is full.
 */
export async function runGraph(run: StudyRun): Promise<GraphEnd> {
  const lookedUp = new Set<string>();
  for (;;) {
    await lookUpReady(run, lookedUp);
    run.outbox.sendIfDue();
    const end = endOf(run);
    if (end !== undefined) {
      if (end !== 'history-full') run.phase = 'reporting';
      return end;
    }
    // The next run of the study waits for them: they would keep this one from ending.
    if (workflowInfo().continueAsNewSuggested) run.foreign.release();
    if (mayStart(run)) startReady(run, lookedUp);
    await nextChange(run, lookedUp);
  }
}

function endOf({ schedule, device, underWay }: StudyRun): GraphEnd | undefined {
  if (schedule.settled()) return 'settled';
  if (isSpent(device) && schedule.running() === 0) return 'limit-reached';
  const isFull = workflowInfo().continueAsNewSuggested && underWay.size === 0;
  return isFull ? 'history-full' : undefined;
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
  const releasable = (): boolean =>
    workflowInfo().continueAsNewSuggested && run.foreign.count() > 0;
  await condition(
    () =>
      schedule.running() < running || startable() || unseen() || releasable() || schedule.settled(),
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
      if (result === undefined || run.schedule.state(id) !== 'waiting') continue;
      if (result.status !== 'damaged') completeTrial(run, id, result, !isEvaluatedHere(run, id));
      else failTrial(run, id, { code: 'DataMismatch', message: result.message }, []);
    }
  }
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
