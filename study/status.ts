/** Where a trial stands. `blocked`: something it needs has failed. `found`: its result was there already. */
export type TrialState =
  'waiting' | 'running' | 'complete' | 'found' | 'diverged' | 'failed' | 'blocked' | 'cancelled';

/** One trial in the answer to the query `status`. */
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

/** The answer to the query `status` of a study's workflow. */
export type StudyStatus = {
  readonly study: string;
  readonly phase:
    'resolving' | 'training' | 'reporting' | 'done' | 'failed' | 'cancelled' | 'paused';
  readonly counts: Readonly<Record<TrialState, number>>;
  readonly parallel: number;
  /** Share of the study's reckoned cost that is done, 0 … 1. */
  readonly doneShare: number;
  /** Seconds to go, from the rate so far; absent until a trial has finished. */
  readonly etaSeconds?: number;
  /**
   * Device hours used, and the most they may be; only where the study limits them. Legs under way
   * count as last measured.
   */
  readonly gpuHours?: { readonly used: number; readonly limit: number };
  readonly best?: { readonly id: string; readonly top1: number };
  readonly trials: readonly TrialStatus[];
  /** Object name of the page in the store, once written. */
  readonly report?: string;
};
