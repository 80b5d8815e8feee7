/** Where a trial stands. `blocked`: something it needs has failed. `found`: its result was there already. */
export type TrialState =
  'waiting' | 'running' | 'complete' | 'found' | 'diverged' | 'failed' | 'blocked' | 'cancelled';

/** One trial in the answers to the queries `trials` and `changes`. */
export type TrialStatus = {
  readonly id: string;
  readonly state: TrialState;
  /** Known once what it needs is done. */
  readonly key?: string;
  readonly epochs: number;
  /** Bytes of logits that a teach leg is going to store. */
  readonly bytes?: number;
  /** Headline accuracy of a finished trial, percent. */
  readonly top1?: number;
  /** Why it failed: error code and one line. */
  readonly failure?: { readonly code: string; readonly message: string };
};

/** The answer to the query `status` of a study's workflow: its size does not depend on the number of trials. */
export type StudyStatus = {
  readonly study: string;
  readonly phase:
    'resolving' | 'training' | 'reporting' | 'done' | 'failed' | 'cancelled' | 'paused';
  /** Why the study has paused itself; absent when a person paused it. */
  readonly pausedBecause?: string;
  /** How many trials it has. */
  readonly total: number;
  readonly counts: Readonly<Record<TrialState, number>>;
  /** Failed trials by error code. */
  readonly failures: Readonly<Record<string, number>>;
  readonly parallel: number;
  /** Share of the study's estimated cost that is done, 0 … 1. */
  readonly doneShare: number;
  /** Seconds to go, from the rate so far; absent until a trial has finished. */
  readonly etaSeconds?: number;
  /**
   * Device hours used, and the most they may be; only where the study limits them. Legs under way
   * count as last measured.
   */
  readonly gpuHours?: { readonly used: number; readonly limit: number };
  readonly best?: { readonly id: string; readonly top1: number };
  /** Object name of the page in the store, once written. */
  readonly report?: string;
};

/** Trials in one answer of `trials` or `changes` at most. */
export const MAX_PAGE = 200;

/** The answer to the query `trials(from, count, state?)`: trials in plan order, from a place in it on. */
export type TrialPage = {
  readonly trials: readonly TrialStatus[];
  /** Where the next page begins; absent at the end. */
  readonly next?: number;
};

/**
 * The answer to the query `changes(since, count)`: trials whose state has changed since an earlier
 * answer, as they stand now. Ask with 0 first, then with `next`.
 */
export type TrialChanges = {
  readonly trials: readonly TrialStatus[];
  readonly next: number;
};
