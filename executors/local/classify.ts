import { outcomeOfExit, type Outcome } from '../../leg/outcome.ts';

/** All that is known of how a leg's process ended. */
export type ProcessEnd = {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** Killed by us because it made no progress. */
  readonly stalled: boolean;
  /** Killed by us because it did not stop when told to. */
  readonly overdue: boolean;
  /** The kernel has counted an out-of-memory kill that is no other process's. */
  readonly outOfMemoryKill: boolean;
};

/** Signals that someone sends; all others come from a defect in native code. */
const SENT_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'];

/** The outcome of a local leg. An exit code outside the table, or a crash, is a bug. Pure. */
export function classify(end: ProcessEnd): Outcome {
  if (end.stalled) return 'stalled';
  if (end.exitCode !== undefined) return outcomeOfExit(end.exitCode);
  if (end.signal === 'SIGKILL') {
    return end.outOfMemoryKill && !end.overdue ? 'hostMemory' : 'disrupted';
  }
  return SENT_SIGNALS.includes(end.signal ?? '') ? 'disrupted' : 'bug';
}

/** One line for a person: how the process ended, and the last thing it said. */
export function describeEnd(end: ProcessEnd, lastLine: string): string {
  const how =
    end.exitCode === undefined ? `signal ${end.signal ?? 'unknown'}` : `exit ${end.exitCode}`;
  const why = end.stalled ? ', no progress' : end.overdue ? ', overdue after stop' : '';
  return lastLine === '' ? `${how}${why}` : `${how}${why}: ${lastLine}`;
}
