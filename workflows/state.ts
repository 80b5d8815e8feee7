import type { CancellationScope } from '@temporalio/workflow';
import type { ResolvedStudy, ResultSummary, TrialFailure } from '../activities/contract.ts';
import type { Launch } from '../leg/decide.ts';
import {
  bindEvaluation,
  bindTrial,
  handedOn,
  type BoundTrial,
  type Section,
  type TrialNode,
  type Weights,
} from '../study/plan/plan.ts';
import type { EvaluationToCome } from '../study/spec.ts';
import type { StudyPriority } from '../study/priority.ts';
import type { StudyStatus, TrialState } from '../study/status.ts';
import type { DeviceAccount } from './device-account.ts';
import type { ForeignTrials } from './foreign.ts';
import type { HistoryWatch } from './history.ts';
import type { Outbox } from './outbox.ts';
import type { Parts } from './parts/state.ts';
import type { Schedule } from './schedule.ts';
import type { Streaks } from './streaks.ts';

/** Characters of a failure's message that a study keeps: the whole one is in the trial's history. */
const MAX_MESSAGE = 500;

/** One trial of a study under way. */
export type Entry = {
  readonly node: TrialNode;
  /** Written by `setState` only. */
  state: TrialState;
  bound?: BoundTrial;
  result?: ResultSummary;
  failure?: TrialFailure;
  /** Launches of failed runs, kept for a retry. */
  earlier?: readonly Launch[];
};

/** A study under way: the state that queries read and the graph loop advances. */
export type StudyRun = {
  readonly resolved: ResolvedStudy;
  /** Digest of the resolved study. */
  readonly digest: string;
  /** Which sections of the study it runs. */
  readonly sections: readonly Section[];
  readonly entries: ReadonlyMap<string, Entry>;
  /** The trials that this run starts itself: of a study in parts, those that the parts share. */
  readonly schedule: Schedule;
  /** The other trials of a large study. */
  readonly parts?: Parts;
  /** In a part: trials of its study that it needs and that have not ended yet. */
  readonly awaited: Set<string>;
  /** Trials that have been looked up by their keys. */
  readonly lookedUp: Set<string>;
  readonly history: HistoryWatch;
  readonly startedAt: number;
  /** The server knows our search attributes. */
  readonly searchable: boolean;
  phase: Exclude<StudyStatus['phase'], 'paused' | 'resolving'>;
  paused: boolean;
  /** Why the study has paused itself; absent when a person paused it. */
  pausedBecause?: string;
  parallel: number;
  priority: StudyPriority;
  launches: number;
  report?: string;
  /** Every change of a trial's state, in order: what the query `changes` reads. */
  readonly changes: Entry[];
  /** Finished trials on their way into MLflow. */
  readonly outbox: Outbox;
  /** Trials that other studies run. */
  readonly foreign: ForeignTrials;
  readonly streaks: Streaks;
  /** Trials under way, by key: two ids with one key are one trial. */
  readonly underWay: Map<string, Promise<void>>;
  /** Device time of the legs; absent where the study sets no limit. */
  readonly device?: DeviceAccount;
  /** Cancels the trials of a study that sets a limit. */
  legs?: CancellationScope;
};

/** Stops starting trials; `because` when the study does so by itself. */
export function pause(run: StudyRun, because?: string): void {
  run.paused = true;
  if (because !== undefined) run.pausedBecause = because;
}

/** Goes on, and trusts every host anew. */
export function resume(run: StudyRun): void {
  run.paused = false;
  delete run.pausedBecause;
  run.streaks.clear();
}

/** Moves a trial to another state, and notes that it did. */
export function setState(run: StudyRun, entry: Entry, state: TrialState): void {
  if (entry.state === state) return;
  entry.state = state;
  run.changes.push(entry);
}

export function entryOf(run: StudyRun, id: string): Entry {
  const entry = run.entries.get(id);
  if (entry === undefined) throw new Error(`no trial ${id} in this study`);
  return entry;
}

/** Binds a trial whose needs are done to what they left: its key is known from then on. */
export function bindEntry(run: StudyRun, id: string): BoundTrial {
  const entry = entryOf(run, id);
  entry.bound ??= bindTrial(entry.node, leftBy(run, entry.node.needs));
  return entry.bound;
}

/** The evaluation that the leg of a training can compute too, with what is done when it starts. */
export function evaluationToo(run: StudyRun, id: string): EvaluationToCome | undefined {
  const { node } = entryOf(run, id);
  return bindEvaluation(node, leftBy(run, node.evaluation?.needs ?? []));
}

/** Whether an evaluation was computed by the leg of its training in this run of the study. */
export function isEvaluatedHere(run: StudyRun, id: string): boolean {
  return entryOf(run, id).node.needs.some((need) => {
    const { node, state } = entryOf(run, need);
    return node.evaluation?.trial === id && state === 'complete';
  });
}

/** What trials have handed on, those that are done. */
function leftBy(run: StudyRun, ids: readonly string[]): Weights {
  return new Map(
    ids.flatMap((id) => {
      const { node, result } = entryOf(run, id);
      const digest = result?.status === 'complete' ? handedOn(node, result.files) : undefined;
      return digest === undefined ? [] : [[id, digest]];
    }),
  );
}

/**
 * Notes the result of a trial. A diverged one is a result too, but its weights are no network:
 * what needs them is blocked.
 */
export function completeTrial(run: StudyRun, id: string, result: ResultSummary, found: boolean) {
  const entry = entryOf(run, id);
  entry.result = result;
  delete entry.failure;
  run.outbox.add({ key: result.key, trial: id });
  if (result.status === 'diverged') {
    setState(run, entry, 'diverged');
    block(run, run.schedule.fail(id));
    return;
  }
  setState(run, entry, found ? 'found' : 'complete');
  run.schedule.complete(id);
}

/** Notes a failure; what needs the trial is blocked, the rest of the study goes on. */
export function failTrial(
  run: StudyRun,
  id: string,
  failure: TrialFailure,
  earlier: readonly Launch[],
): void {
  const entry = entryOf(run, id);
  const message = failure.message.slice(0, MAX_MESSAGE);
  Object.assign(entry, { failure: { code: failure.code, message }, earlier });
  setState(run, entry, 'failed');
  block(run, run.schedule.fail(id));
}

/** Puts a trial back that was stopped on its way: neither done nor failed, and blocking nothing. */
export function putBack(run: StudyRun, id: string): void {
  setState(run, entryOf(run, id), 'waiting');
  run.schedule.stop(id);
}

/** A trial that this run waits for, and does not start itself, has come to nothing. */
export function loseTrial(run: StudyRun, id: string): void {
  run.awaited.delete(id);
  setState(run, entryOf(run, id), 'failed');
  block(run, run.schedule.fail(id));
}

function block(run: StudyRun, ids: readonly string[]): void {
  for (const id of ids) setState(run, entryOf(run, id), 'blocked');
}

/** Puts failed trials back to waiting, quarantined ones excepted; answers their ids. */
export function retryFailed(run: StudyRun): readonly string[] {
  const ids = [...run.entries.values()]
    .filter(({ state, failure }) => state === 'failed' && failure?.code !== 'Quarantined')
    .map(({ node }) => node.id);
  for (const id of ids) {
    const entry = entryOf(run, id);
    setState(run, entry, 'waiting');
    delete entry.failure;
    if (isOwn(run, id)) run.schedule.retry(id);
  }
  for (const [id, entry] of run.entries) {
    if (entry.state === 'blocked' && isOwn(run, id) && run.schedule.state(id) === 'waiting') {
      setState(run, entry, 'waiting');
    }
  }
  return ids;
}

/** Whether a run starts this trial itself; otherwise one of its parts does. */
export function isOwn({ parts }: Pick<StudyRun, 'parts'>, id: string): boolean {
  return parts?.partOf.has(id) !== true;
}
