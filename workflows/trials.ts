import type { Entry, StudyRun } from './state.ts';
import {
  MAX_PAGE,
  type TrialChanges,
  type TrialPage,
  type TrialState,
  type TrialStatus,
} from '../study/status.ts';

/** The answer to the query `trials`: at most `count` trials in plan order, those of one state if it is given. */
export function trialsOf(
  run: StudyRun,
  from: number,
  count: number,
  state?: TrialState,
): TrialPage {
  const entries = [...run.entries.values()];
  const trials: TrialStatus[] = [];
  const size = pageSize(count);
  for (let i = Math.max(0, from); i < entries.length; i += 1) {
    const entry = entries[i];
    if (entry === undefined || (state !== undefined && entry.state !== state)) continue;
    if (trials.length === size) return { trials, next: i };
    trials.push(trialStatus(entry));
  }
  return { trials };
}

/**
 * The answer to the query `changes`. Each trial is there once, as it stands now. A `since` beyond the
 * log was answered by an earlier run of the study, whose log ended with it: all is told anew.
 */
export function changesOf(run: StudyRun, since: number, count: number): TrialChanges {
  const from = since < 0 || since > run.changes.length ? 0 : since;
  const next = Math.min(run.changes.length, from + pageSize(count));
  const changed = new Set(run.changes.slice(from, next));
  return { trials: [...changed].map(trialStatus), next };
}

/** Top-1 of a trial that has finished, percent. */
export function top1Of({ result }: Entry): number | undefined {
  return result?.status === 'complete' ? result.metrics['top1'] : undefined;
}

function pageSize(count: number): number {
  return Math.min(MAX_PAGE, Math.max(1, count));
}

function trialStatus(entry: Entry): TrialStatus {
  const { node, state, bound, failure } = entry;
  const top1 = top1Of(entry);
  return {
    id: node.id,
    state,
    epochs: node.epochs,
    ...(node.bytes === undefined ? {} : { bytes: node.bytes }),
    ...(bound === undefined ? {} : { key: bound.key }),
    ...(top1 === undefined ? {} : { top1 }),
    ...(failure === undefined ? {} : { failure }),
  };
}
