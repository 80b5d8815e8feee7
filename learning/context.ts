import type { Result, RunRecord } from '../leg/result.ts';
import type { LegPorts } from '../leg/ports.ts';

/** What a leg is told beside its spec. None of it changes a result. */
export type LegContext = {
  readonly key: string;
  readonly trial: string;
  readonly process: string;
  readonly ports: LegPorts;
  readonly deviceClass: RunRecord['deviceClass'];
  /** A checkpoint is written when the last one is older than this. */
  readonly checkpointSeconds: number;
  /** Seconds on a clock that never goes back. */
  readonly now: () => number;
  /** One line for the log: something is not as it should be, and the leg goes on. */
  readonly warn: (message: string) => void;
};

/** How far a process came, and how fast. */
export type Pace = {
  /** Images trained on, per second of the process; absent where none were. */
  readonly imagesPerSecond?: number;
  /** The same of steps alone, behind the warm-up. */
  readonly steadyImagesPerSecond?: number;
  /** Seconds that the training waited for its batches. */
  readonly inputSeconds?: number;
  readonly resumedFrom?: { readonly epoch: number; readonly step: number };
};

/** How the work of a leg ended: stopped with a checkpoint, or with a result. */
export type WorkEnd = Pace &
  (
    | { readonly outcome: 'stopped' }
    | { readonly outcome: 'done' | 'diverged'; readonly result: Result }
  );
