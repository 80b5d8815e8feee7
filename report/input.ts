import type { Evaluation, Explanation, LogitsIndex } from '../leg/records.ts';
import type { Result, RunRecord } from '../leg/result.ts';
import { digestJson } from '../study/canonical.ts';
import type { Study } from '../study/schema.ts';
import type { DrawnEpoch } from './epochs.ts';

/** Where a trial stands: `blocked` waits for what failed, `open` has not been run. */
export type ReportState = 'complete' | 'diverged' | 'failed' | 'blocked' | 'open';

/** One trial of the study with what the store holds of it. */
export type ReportTrial = {
  /** E.g. `sweep/resnet8/KD/s1029` or `explain/distillation/s1029/soft`. */
  readonly id: string;
  readonly state: ReportState;
  /** Absent while what the trial needs is not done. */
  readonly key?: string;
  readonly result?: Result;
  readonly epochs?: readonly DrawnEpoch[];
  /** Of teachers alone: tables of students are of their results' metrics. */
  readonly evaluation?: Evaluation;
  readonly explanation?: Explanation;
  /** Of a teach leg: what names its logits, epoch by epoch. */
  readonly logits?: LogitsIndex;
  readonly runs: readonly RunRecord[];
  /** Why it failed: code and message. */
  readonly failure?: { readonly code: string; readonly message: string };
};

/** Everything a report is drawn from. The same input gives the same bytes. */
export type ReportInput = {
  readonly study: Study;
  /** In plan order. */
  readonly trials: readonly ReportTrial[];
  readonly generatedFrom: {
    /** Commits named by the runs; more than one when the code moved between them. */
    readonly commits: readonly string[];
    /** Digest of the index of the code that computes legs. */
    readonly code: string;
    readonly datasetDigest: string;
  };
};

/** A trial as it is gathered from the store. */
export type GatheredTrial = Omit<ReportTrial, 'id' | 'state'> & {
  readonly node: { readonly id: string };
};

/** Makes a report's input of a resolved study and the trials gathered for it. */
export function toReportInput(gathered: {
  readonly resolved: {
    readonly study: Study;
    readonly datasetDigest: string;
    readonly code: object;
  };
  readonly trials: readonly GatheredTrial[];
}): ReportInput {
  const { study, datasetDigest, code } = gathered.resolved;
  const trials = gathered.trials.map(({ node, ...trial }) => ({
    ...trial,
    id: node.id,
    state: stateOf(trial),
  }));
  const commits = trials.flatMap(({ runs }) => runs.flatMap(({ commit }) => commit ?? []));
  return {
    study,
    trials,
    generatedFrom: { commits: [...new Set(commits)].sort(), code: digestJson(code), datasetDigest },
  };
}

function stateOf(trial: Omit<ReportTrial, 'id' | 'state'>): ReportState {
  if (trial.result !== undefined) return trial.result.status;
  if (trial.failure !== undefined) return 'failed';
  return trial.key === undefined ? 'blocked' : 'open';
}
