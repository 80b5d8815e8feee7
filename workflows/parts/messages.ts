import { defineSignal } from '@temporalio/workflow';
import type { Section } from '../../study/plan/plan.ts';
import type { StudyPriority } from '../../study/priority.ts';
import type { PartEnd, PartWord } from './word.ts';

/** What a part of a study is started with. */
export type PartInput = {
  /** Digest of the resolved study. */
  readonly study: string;
  readonly sections: readonly Section[];
  /** Which part it is; for people and for its words. */
  readonly part: number;
  /** Its trials, by their places in the plan of these sections. */
  readonly trials: readonly number[];
  /** Trials that it may have under way at once. */
  readonly slots: number;
  readonly paused: boolean;
  /** Absent: as the study says. */
  readonly priority?: StudyPriority;
  /** Of the trials that it needs: those that have not ended, and those that it cannot have. */
  readonly awaited: readonly string[];
  readonly lost: readonly string[];
  /** Digest of trials that have failed before. */
  readonly failures?: string;
  /** Trials that may end before it says so. */
  readonly wordEvery: number;
  /** What its legs may use, where the study limits device time. */
  readonly deviceSecondsLeft?: number;
  /** The server knows our search attributes. */
  readonly searchable?: boolean;
  /** What an earlier run of this part has used; set by continuing as new only. */
  readonly used?: { readonly launches: number; readonly deviceSeconds: number };
};

/** What a study tells one of its parts. */
export type PartControl = {
  /** More trials that it may have under way at once. */
  readonly lent?: number;
  /** Slots that it must give back as its trials end. */
  readonly reclaimed?: number;
  readonly paused?: boolean;
  readonly priority?: StudyPriority;
  /** Failed trials are tried again. */
  readonly retry?: true;
  /** Trials outside of the part that have come to their end; `lost` are those that it cannot have. */
  readonly settled?: readonly string[];
  readonly lost?: readonly string[];
  /** What its legs may use from now on, where the study limits device time. */
  readonly deviceSecondsLeft?: number;
};

/** The workflow type `part`, by its signature: a study starts it by name. */
export type RunPart = (input: PartInput) => Promise<PartEnd>;

/** Sent by a part to its study. */
export const partSignal = defineSignal<[PartWord]>('part');
/** Sent by a study to its parts. */
export const controlSignal = defineSignal<[PartControl]>('control');
