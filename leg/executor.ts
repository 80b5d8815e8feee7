import type { Outcome } from './outcome.ts';
import type { Progress } from './result.ts';
import type { Leg } from './spec.ts';

/** How one launch ended, as an executor knows it. */
export type LegEnd = {
  readonly outcome: Outcome;
  /** One line for a person: exit code or signal, and the last line of the log. */
  readonly detail: string;
  readonly attempt: string;
  /** Where it ran: host name or node, for quarantine. */
  readonly host: string;
};

/**
 * Where legs run. `run` launches a leg, or adopts the launch of the same name that is already under
 * way, and resolves when it has ended. An aborted signal stops it: the leg writes a checkpoint first.
 * A signal aborted with the reason `ABANDONED` says only that its caller waits no longer.
 * Throws only when the end cannot be known (the retry then adopts).
 */
export type Executor = {
  readonly name: 'local' | 'kubernetes' | 'pool';
  run(leg: Leg, signal: AbortSignal, onProgress: (progress: Progress) => void): Promise<LegEnd>;
};

/**
 * Reason of an abort: this caller is gone (its heartbeat timed out, say), and another one may adopt
 * the launch. An executor whose legs die with it stops one that nobody adopts within a grace.
 */
export const ABANDONED = 'abandoned';
