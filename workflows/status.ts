import { mean, standardDeviation } from '../statistics/describe.ts';
import type { StudyStatus, TrialState } from '../study/status.ts';
import { hoursOf } from './device-account.ts';
import type { Entry, StudyRun } from './state.ts';
import { top1Of } from './trials.ts';

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

/** The answer to the query `status`. It holds no row of a trial: see `trials`. */
export function statusOf(run: StudyRun, now: number): StudyStatus {
  const entries = [...run.entries.values()];
  const best = bestOf(entries);
  const eta = etaSeconds(run, now);
  return {
    study: run.resolved.study.name,
    phase: run.paused && run.phase === 'training' ? 'paused' : run.phase,
    ...(run.paused && run.pausedBecause !== undefined ? { pausedBecause: run.pausedBecause } : {}),
    total: entries.length,
    counts: countStates(entries),
    failures: countFailures(entries),
    parallel: run.parallel,
    doneShare: doneShare(entries),
    ...(eta === undefined ? {} : { etaSeconds: eta }),
    ...(run.device === undefined ? {} : { gpuHours: hoursOf(run.device) }),
    ...(best === undefined ? {} : { best }),
    ...(run.report === undefined ? {} : { report: run.report }),
  };
}

/** The answer to the query `status` before the plan is there. */
export function statusBefore(study: string): StudyStatus {
  return {
    study,
    phase: 'resolving',
    total: 0,
    counts: NO_TRIALS,
    failures: {},
    parallel: 0,
    doneShare: 0,
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
  if (values.length === 1) return { mean: mean(values) };
  return { mean: mean(values), sd: standardDeviation(values) };
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

/** Failed trials by code. */
function countFailures(entries: readonly Entry[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { failure } of entries) {
    if (failure !== undefined) counts[failure.code] = (counts[failure.code] ?? 0) + 1;
  }
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
