/**
 * The parts of a large study, as the study's workflow runs them: it lends them slots of its window,
 * hears where their trials stand, and tells them what has changed.
 */
import {
  ChildWorkflowCancellationType,
  getExternalWorkflowHandle,
  log,
  ParentClosePolicy,
  sleep,
  startChild,
  workflowInfo,
  type ChildWorkflowHandle,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import { studyAttributes } from '../attributes.ts';
import { isSpent, secondsLeft } from '../device-account.ts';
import { entryOf, setState, type StudyRun } from '../state.ts';
import { failureOf } from '../trial-failure.ts';
import { controlSignal, type PartControl, type PartInput, type RunPart } from './messages.ts';
import { freeSlots } from './slots.ts';
import type { PartState } from './state.ts';

/** A part of an earlier run of the study may still be writing its checkpoints. */
const BUSY_SECONDS = 5;

/** Whether all parts have come to their end. */
export function arePartsSettled({ parts }: StudyRun): boolean {
  return parts === undefined || parts.list.every(({ state }) => state === 'closed');
}

/** Whether slots are free for trials of a part. */
export function mayGrowParts(run: StudyRun): boolean {
  const { parts, schedule } = run;
  if (parts === undefined || freeSlots(run) - schedule.ready().length <= 0) return false;
  return parts.list.some((part) => part.wanted > 0 || mayOpen(run, part));
}

/** Lends free slots: to parts that could use more, then to the next ones. */
export function growParts(run: StudyRun): void {
  const { parts, schedule } = run;
  if (parts === undefined) return;
  let free = freeSlots(run) - schedule.ready().length;
  for (const part of parts.list) {
    const lent = Math.min(free, part.wanted);
    if (part.state !== 'open' || lent <= 0) continue;
    part.lent += lent;
    part.wanted -= lent;
    free -= lent;
    tell(run, part, { lent });
  }
  for (const part of parts.list) {
    if (free <= 0) return;
    if (!mayOpen(run, part)) continue;
    const lent = Math.min(free, part.plan.width);
    free -= lent;
    open(run, part, lent);
  }
}

function mayOpen(run: StudyRun, { state, plan }: PartState): boolean {
  if (state !== 'waiting') return false;
  return plan.startsFree || plan.needs.every((id) => isSettled(run, id));
}

function isSettled({ entries }: StudyRun, id: string): boolean {
  const state = entries.get(id)?.state;
  return state !== 'waiting' && state !== 'running';
}

function isLost({ entries }: StudyRun, id: string): boolean {
  const state = entries.get(id)?.state;
  return state === 'failed' || state === 'blocked' || state === 'cancelled';
}

/** Asks for slots back when the window has become smaller than what is under way. */
export function shrinkParts(run: StudyRun): void {
  const { list } = run.parts ?? { list: [] };
  let excess = -freeSlots(run) - list.reduce((sum, { reclaimed }) => sum + reclaimed, 0);
  for (const part of [...list].reverse()) {
    const reclaimed = Math.min(excess, part.lent - part.reclaimed);
    if (part.state !== 'open' || reclaimed <= 0) continue;
    part.reclaimed += reclaimed;
    excess -= reclaimed;
    tell(run, part, { reclaimed });
  }
}

/** Tells every part that is open. */
export function tellParts(run: StudyRun, control: PartControl): void {
  for (const part of run.parts?.list ?? []) if (part.state === 'open') tell(run, part, control);
}

/** Tells every other part that is open. */
export function tellOthers(run: StudyRun, speaker: PartState, control: PartControl): void {
  for (const part of run.parts?.list ?? []) {
    if (part.state === 'open' && part !== speaker) tell(run, part, control);
  }
}

/** Tells parts which of the trials that they wait for have ended. */
export function tellSettled(run: StudyRun): void {
  for (const part of run.parts?.list ?? []) {
    const ended = [...part.awaited].filter((id) => isSettled(run, id));
    if (part.state !== 'open' || ended.length === 0) continue;
    for (const id of ended) part.awaited.delete(id);
    const lost = ended.filter((id) => isLost(run, id));
    tell(run, part, { settled: ended.filter((id) => !lost.includes(id)), lost });
  }
}

/** Has the parts of these trials try them again, and those that were blocked by what is tried again. */
export function retryParts(run: StudyRun, ids: readonly string[]): void {
  const { parts } = run;
  if (parts === undefined) return;
  const tried = new Set(ids);
  for (const part of parts.list) {
    const hasOwn = part.plan.ids.some((id) => tried.has(id));
    const hasNeed = part.plan.needs.some((id) => tried.has(id));
    if (!hasOwn && !hasNeed) continue;
    for (const id of part.plan.ids) {
      const entry = entryOf(run, id);
      if (entry.state === 'blocked') setState(run, entry, 'waiting');
    }
    if (part.state === 'closed') part.state = 'waiting';
    else if (part.state === 'open' && hasNeed) part.again = true;
    if (part.state === 'open' && hasOwn) tell(run, part, { retry: true });
  }
}

function tell(run: StudyRun, part: PartState, control: PartControl): void {
  getExternalWorkflowHandle(workflowIdOf(part))
    .signal(controlSignal, control)
    .catch((error: unknown) => {
      // It has closed in this moment, and has given back all that it had.
      log.info('a part was not told', { study: run.digest, error: String(error) });
    });
}

function workflowIdOf({ number }: PartState): string {
  return `${workflowInfo().workflowId}/part-${number}`;
}

function open(run: StudyRun, part: PartState, slots: number): void {
  part.state = 'open';
  part.lent = slots;
  part.awaited = new Set(part.plan.needs.filter((id) => !isSettled(run, id)));
  const ended = run.legs === undefined ? follow(run, part) : run.legs.run(() => follow(run, part));
  run.underWay.set(workflowIdOf(part), ended);
}

/** Runs a part to its end, and notes what it has left undone. Never rejects. */
async function follow(run: StudyRun, part: PartState): Promise<void> {
  try {
    const child = await start(run, part);
    const { failures, spent } = await child.result();
    if (failures === undefined) delete part.failures;
    else part.failures = failures;
    if (spent === true) noteSpent(run, part);
  } catch (error) {
    noteBroken(run, part, error);
  }
  part.state = part.again ? 'waiting' : 'closed';
  Object.assign(part, { ...{ lent: 0, reclaimed: 0, wanted: 0, again: false } });
  Object.assign(part, { launches: 0, deviceSeconds: 0 });
  run.underWay.delete(workflowIdOf(part));
}

async function start(run: StudyRun, part: PartState): Promise<ChildWorkflowHandle<RunPart>> {
  for (;;) {
    try {
      return await startChild<RunPart>('part', {
        workflowId: workflowIdOf(part),
        args: [inputOf(run, part)],
        ...studyAttributes(run),
        staticSummary: `${part.plan.ids.length} trials from ${part.plan.ids[0]}`,
        cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
        parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    await sleep(BUSY_SECONDS * 1000);
  }
}

function inputOf(run: StudyRun, part: PartState): PartInput {
  const { parts, device } = run;
  const { failures, plan } = part;
  const { ids, needs } = plan;
  const places = new Map([...run.entries.keys()].map((id, place) => [id, place]));
  return {
    study: run.digest,
    sections: run.sections,
    part: part.number,
    trials: ids.map((id) => places.get(id) as number),
    slots: part.lent,
    paused: run.paused,
    priority: run.priority,
    awaited: [...part.awaited],
    lost: needs.filter((id) => isLost(run, id)),
    ...(run.searchable ? { searchable: true } : {}),
    ...(failures === undefined ? {} : { failures }),
    wordEvery: parts?.wordEvery ?? 1,
    ...(device === undefined ? {} : { deviceSecondsLeft: secondsLeft(device) }),
  };
}

/**
 * A part has used all that it was told to be left. Its study has more by now where the limit was
 * extended in that moment; less than a second is none.
 */
function noteSpent({ device }: StudyRun, part: PartState): void {
  if (device === undefined) return;
  if (secondsLeft(device) >= 1) part.again = true;
  else device.endedSeconds += secondsLeft(device);
}

/** A part that was cancelled with its study, or at its limit, has left trials to do; any other has failed. */
function noteBroken(run: StudyRun, part: PartState, error: unknown): void {
  const { failure } = failureOf(error);
  const isStopped = run.phase === 'cancelled' || isSpent(run.device);
  for (const id of part.plan.ids) {
    const entry = entryOf(run, id);
    if (entry.state !== 'waiting' && entry.state !== 'running') continue;
    if (!isStopped) entry.failure = failure;
    setState(run, entry, isStopped ? 'waiting' : 'failed');
  }
}
