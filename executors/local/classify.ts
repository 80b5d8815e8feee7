import { EXIT, type Outcome } from '../../leg/outcome.ts';

/** All that is known of how a leg's process ended. */
export type ProcessEnd = {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  /** Killed by us because it made no progress. */
  readonly stalled: boolean;
  /** Killed by us because it did not stop when told to. */
  readonly overdue: boolean;
  /** The kernel's count of out-of-memory kills rose while it ran. */
  readonly outOfMemoryKill: boolean;
};

const BY_EXIT_CODE: Readonly<Record<number, Outcome>> = {
  [EXIT.done]: 'done',
  [EXIT.badSpec]: 'badSpec',
  [EXIT.badData]: 'badData',
  // The store was out of reach for longer than the leg waits: time mends it.
  [EXIT.unavailable]: 'disrupted',
  [EXIT.bug]: 'bug',
  [EXIT.stopped]: 'stopped',
  [EXIT.deviceMemory]: 'deviceMemory',
  [EXIT.configuration]: 'configuration',
};

/** Signals that someone sends; all others come from a defect in native code. */
const SENT_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'];

/** The outcome of a local leg. An exit code outside the table, or a crash, is a bug. Pure. */
export function classify(end: ProcessEnd): Outcome {
  if (end.stalled) return 'stalled';
  if (end.exitCode !== undefined) return BY_EXIT_CODE[end.exitCode] ?? 'bug';
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
