import type { TrialFailure } from '../../activities/contract.ts';
import { packStates, packTop1 } from '../../study/packed.ts';
import type { Entry } from '../state.ts';
import { top1Of } from '../trials.ts';

/** Where the trials of a part stand, as the part tells its study. */
export type PartWord = {
  /** Which part of its study. */
  readonly part: number;
  /** Slots that it gives back: its study lends them to others. */
  readonly returned: number;
  /** Trials that it could start beyond its slots. */
  readonly wanted: number;
  /** Of each trial in the order of the part: see `packStates` and `packTop1`. */
  readonly states: string;
  readonly top1: string;
  /** Trials that have failed since its last word, by their place in the part. */
  readonly failed: readonly PlacedFailure[];
  /** Legs that it has launched so far. */
  readonly launches: number;
  /** Device time that it has used so far; 0 where the study sets no limit. */
  readonly deviceSeconds: number;
  /** Why it has paused itself. */
  readonly pausedBecause?: string;
};

export type PlacedFailure = { readonly at: number; readonly failure: TrialFailure };

/** The answer of a part that has come to its end. */
export type PartEnd = {
  /** Digest of its failed trials; absent where none has failed. */
  readonly failures?: string;
  /** It has used the device time that it was told to be left. */
  readonly spent?: true;
};

/** What a word says of each of these trials. */
export function packEntries(entries: readonly Entry[]): Pick<PartWord, 'states' | 'top1'> {
  return {
    states: packStates(entries.map(({ state }) => state)),
    top1: packTop1(entries.map(top1Of)),
  };
}
