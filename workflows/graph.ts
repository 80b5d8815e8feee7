import { condition } from '@temporalio/workflow';
import { isSpent } from './device-account.ts';
import { findAll } from './find.ts';
import { followTrial } from './follow.ts';
import { arePartsSettled, growParts, mayGrowParts, tellSettled } from './parts/study.ts';
import { freeSlots, ownRunning } from './parts/slots.ts';
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
 * window of `run.parallel`, critical path first; of a large study they run in parts, to which it lends
 * slots of that window. A failed trial blocks only what needs it. Ends when
 * nothing is left to do, or, with nothing under way, when the history has grown too long or the
 * device time is spent. No failed trial can be retried from then on, unless the history is full.
 */
export async function runGraph(run: StudyRun): Promise<GraphEnd> {
  for (;;) {
    await lookUpReady(run);
    run.outbox.sendIfDue();
    tellSettled(run);
    const end = endOf(run);
    if (end !== undefined) {
      if (end !== 'history-full') run.phase = 'reporting';
      return end;
    }
    // The next run of the study waits for them: they would keep this one from ending.
    if (run.history.isFull()) run.foreign.release();
    if (mayStart(run)) {
      startReady(run);
      growParts(run);
    }
    await nextChange(run);
  }
}

function endOf(run: StudyRun): GraphEnd | undefined {
  const { schedule, device, underWay, history } = run;
  if (schedule.settled() && arePartsSettled(run)) return 'settled';
  if (underWay.size > 0) return undefined;
  if (isSpent(device) && ownRunning(run) === 0) return 'limit-reached';
  return history.isLong() ? 'history-full' : undefined;
}

/** Whether trials may be started, if there are any. */
function mayStart(run: StudyRun): boolean {
  return !run.paused && !run.history.isFull() && !isSpent(run.device);
}

/** Resolves when a trial has ended, or a message has changed what may start. */
async function nextChange(run: StudyRun): Promise<void> {
  const { schedule, lookedUp } = run;
  const running = schedule.running();
  const startable = (): boolean =>
    mayStart(run) && ((freeSlots(run) > 0 && schedule.ready().length > 0) || mayGrowParts(run));
  const unseen = (): boolean => schedule.ready().some((id) => !lookedUp.has(id));
  const releasable = (): boolean => run.history.isFull() && run.foreign.count() > 0;
  await condition(
    () =>
      schedule.running() < running ||
      startable() ||
      unseen() ||
      releasable() ||
      endOf(run) !== undefined,
  );
}

/** Looks up every trial that has become ready, until no further one becomes ready by it. */
async function lookUpReady(run: StudyRun): Promise<void> {
  const { lookedUp } = run;
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

function startReady(run: StudyRun): void {
  for (const id of run.schedule.ready()) {
    if (freeSlots(run) <= 0) return;
    if (!run.lookedUp.has(id)) continue;
    run.schedule.start(id);
    setState(run, entryOf(run, id), 'running');
    void followTrial(run, bindEntry(run, id));
  }
}
