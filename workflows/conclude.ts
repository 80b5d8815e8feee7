import { ApplicationFailure } from '@temporalio/workflow';
import type { ReportSummary, TrialFailure } from '../activities/contract.ts';
import type { StudyStatus, TrialState } from '../study/status.ts';
import { hoursOf, isSpent, type DeviceAccount } from './device-account.ts';
import { statusOf } from './status.ts';
import type { StudyRun } from './state.ts';

/** What a study's workflow answers when it has ended well, and what its failure carries. */
export type StudySummary = {
  readonly study: string;
  readonly counts: StudyStatus['counts'];
  /** Legs launched by this run; 0 when every result was found. */
  readonly launches: number;
  readonly gpuHours?: StudyStatus['gpuHours'];
  readonly report?: ReportSummary;
};

const UNDONE: readonly TrialState[] = ['waiting', 'running', 'cancelled'];

/** Trials named in a message; the others are counted. */
const NAMED = 3;

/**
 * The summary of a study that has settled.
 *
 * @throws ApplicationFailure with the code of the first failed trial, or `BudgetExceeded` where the
 *   device time was spent before all was done
 */
export function conclude(run: StudyRun, report: ReportSummary | undefined): StudySummary {
  const { counts, gpuHours } = statusOf(run, Date.now());
  const summary: StudySummary = {
    study: run.resolved.study.name,
    counts,
    launches: run.launches,
    ...(gpuHours === undefined ? {} : { gpuHours }),
    ...(report === undefined ? {} : { report }),
  };
  const undone = undoneOf(run);
  const [first] = failuresOf(run);
  run.phase = first === undefined && undone.length === 0 ? 'done' : 'failed';
  if (run.device !== undefined && isSpent(run.device) && undone.length > 0) {
    const failed = first === undefined ? '' : `; ${failedText(run)}`;
    throw failure('BudgetExceeded', spentText(run, run.device, undone) + failed, summary);
  }
  if (first !== undefined) throw failure(first.failure.code, failedText(run), summary);
  if (undone.length === 0) return summary;
  // Nothing but a defect leads here; a study that is not finished must not be taken for one that is.
  throw failure('CodeBug', undoneText(run, undone), summary);
}

/** Trials that failed, each with why. */
function failuresOf(
  run: StudyRun,
): readonly { readonly id: string; readonly failure: TrialFailure }[] {
  return [...run.entries.values()].flatMap(({ node, failure }) =>
    failure === undefined ? [] : [{ id: node.id, failure }],
  );
}

/** Trials that are neither finished, nor failed, nor blocked by one that is not to be used. */
function undoneOf(run: StudyRun): readonly string[] {
  return [...run.entries.values()]
    .filter(({ state }) => UNDONE.includes(state))
    .map(({ node }) => node.id);
}

function failure(type: string, message: string, summary: StudySummary): ApplicationFailure {
  return ApplicationFailure.create({ type, nonRetryable: true, message, details: [summary] });
}

function failedText(run: StudyRun): string {
  const failures = failuresOf(run);
  const blocked = [...run.entries.values()].filter(({ state }) => state === 'blocked').length;
  const [first] = failures;
  const why = first === undefined ? '' : `; first ${first.id}: ${first.failure.message}`;
  return `${failures.length} of ${run.entries.size} trials failed, ${blocked} blocked${why}`;
}

function spentText(run: StudyRun, device: DeviceAccount, undone: readonly string[]): string {
  const { used, limit } = hoursOf(device);
  return `$.limits.gpuHours: ${hours(used)} h used; allowed: ${hours(limit)} h; ${undoneText(run, undone)}`;
}

function undoneText(run: StudyRun, undone: readonly string[]): string {
  const more = undone.length > NAMED ? ` and ${undone.length - NAMED} more` : '';
  const names = undone.slice(0, NAMED).join(', ') + more;
  return `${undone.length} of ${run.entries.size} trials undone: ${names}`;
}

/** Four digits, and no more zeros than the number has. */
function hours(value: number): string {
  return String(Number(value.toPrecision(4)));
}
