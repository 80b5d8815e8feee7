import type { StudyStatus, TrialState, TrialStatus } from '../study/status.ts';
import { hoursOf } from './device-account.ts';
import type { Entry, StudyRun } from './state.ts';

/** One cell of the student sweep so far. */
export type TableRow = {
  readonly model: string;
  readonly method: string;
  /** Seeds finished, of how many. */
  readonly n: number;
  readonly of: number;
  /** Top-1 on the test images at the last epoch, percent; sd from two seeds on. */
  readonly mean?: number;
  readonly sd?: number;
};

const FINISHED: readonly TrialState[] = ['complete', 'found', 'diverged'];

/** The answer to the query `status`. */
export function statusOf(run: StudyRun, now: number): StudyStatus {
  const entries = [...run.entries.values()];
  const best = bestOf(entries);
  const eta = etaSeconds(run, now);
  return {
    study: run.resolved.study.name,
    phase: run.paused && run.phase === 'training' ? 'paused' : run.phase,
    counts: countStates(entries),
    parallel: run.parallel,
    doneShare: doneShare(entries),
    ...(eta === undefined ? {} : { etaSeconds: eta }),
    ...(run.device === undefined ? {} : { gpuHours: hoursOf(run.device) }),
    ...(best === undefined ? {} : { best }),
    trials: entries.map(trialStatus),
    ...(run.report === undefined ? {} : { report: run.report }),
  };
}

/** The answer to the query `status` before the plan is there. */
export function statusBefore(study: string): StudyStatus {
  return {
    study,
    phase: 'resolving',
    counts: NO_TRIALS,
    parallel: 0,
    doneShare: 0,
    trials: [],
  };
}

/** The answer to the query `table`: student × method over the seeds finished so far. */
export function tableOf(run: StudyRun): readonly TableRow[] {
  const sweep = run.resolved.study.sweep;
  if (sweep === undefined) return [];
  return sweep.students.flatMap((student) =>
    sweep.methods.map((method) => {
      const prefix = `sweep/${student.name}/${method.id}/`;
      const trials = [...run.entries.values()].filter(
        ({ node }) => node.kind === 'train' && node.id.startsWith(prefix),
      );
      const values = trials.map(top1Of).filter((value) => value !== undefined);
      const cell = { model: student.name, method: method.id, n: values.length, of: trials.length };
      return { ...cell, ...meanAndDeviation(values) };
    }),
  );
}

function meanAndDeviation(values: readonly number[]): { mean?: number; sd?: number } {
  if (values.length === 0) return {};
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length === 1) return { mean };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, sd: Math.sqrt(squares / (values.length - 1)) };
}

function top1Of({ result }: Entry): number | undefined {
  return result?.status === 'complete' ? result.metrics['top1'] : undefined;
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

const NO_TRIALS: StudyStatus['counts'] = {
  waiting: 0,
  running: 0,
  complete: 0,
  found: 0,
  diverged: 0,
  failed: 0,
  blocked: 0,
  cancelled: 0,
};

function countStates(entries: readonly Entry[]): StudyStatus['counts'] {
  const counts: Record<TrialState, number> = { ...NO_TRIALS };
  for (const { state } of entries) counts[state] += 1;
  return counts;
}

/** The best student so far, or the best of anything trained where there is no sweep. */
function bestOf(entries: readonly Entry[]): StudyStatus['best'] {
  const trained = entries.filter(({ node }) => node.kind === 'train');
  const students = trained.filter(({ node }) => node.section === 'sweep');
  const scored = (students.length > 0 ? students : trained).flatMap((entry) => {
    const top1 = top1Of(entry);
    return top1 === undefined ? [] : [{ id: entry.node.id, top1 }];
  });
  return scored.sort((a, b) => b.top1 - a.top1)[0];
}

function costOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { node }) => sum + node.cost, 0);
}

function doneShare(entries: readonly Entry[]): number {
  const all = costOf(entries);
  return all === 0 ? 1 : costOf(entries.filter(({ state }) => FINISHED.includes(state))) / all;
}

/** Cost to go at the rate of the trials that this run itself has finished. */
function etaSeconds(run: StudyRun, now: number): number | undefined {
  const entries = [...run.entries.values()];
  const ran = costOf(entries.filter(({ state }) => state === 'complete'));
  const toGo = costOf(entries.filter(({ state }) => state === 'waiting' || state === 'running'));
  const seconds = (now - run.startedAt) / 1000;
  if (toGo === 0) return 0;
  return ran === 0 || seconds <= 0 ? undefined : (toGo * seconds) / ran;
}
