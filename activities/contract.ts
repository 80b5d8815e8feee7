import type { ErrorCode } from '../leg/errors.ts';
import type { LegEnd, LegWord } from '../leg/ports.ts';
import type { Leg } from '../leg/spec.ts';
import type { CodeIndex } from '../study/code.ts';
import type { Study } from '../study/schema.ts';

/**
 * What workflows may ask of the world, as types only: the workflow bundle imports this file and
 * nothing else of `activities/`. Payloads are specs and references, never tensors.
 */

/** A study with its defaults, and what the plan needs of the world. Everything the plan depends on. */
export type ResolvedStudy = {
  readonly study: Study;
  readonly datasetDigest: string;
  readonly code: CodeIndex;
};

/** The part of a result that workflows act on. */
export type ResultSummary = {
  readonly key: string;
  readonly status: 'complete' | 'diverged';
  readonly metrics: Readonly<Record<string, number>>;
  /** Digests of the result's files by name. */
  readonly files: Readonly<Record<string, string>>;
};

/** How a launch ended, and the result if the store holds one. */
export type LegReport = LegEnd & { readonly result?: ResultSummary };

/** The heartbeat of `runLeg`: the launch so far. The attempt after a lost one goes on from it. */
export type LegHeartbeat = LegWord & {
  /** How the launch ended, while that could not be reported yet. */
  readonly end?: LegEnd;
};

/** Why a trial failed, as the report and the query `status` show it. */
export type TrialFailure = {
  readonly code: ErrorCode;
  readonly message: string;
};

/** How a trial that someone else had started came to its end. */
export type TrialEnd =
  | { readonly status: 'completed' | 'cancelled' | 'gone' }
  | { readonly status: 'failed'; readonly failure: TrialFailure };

export type RecordTrialInput = {
  readonly key: string;
  readonly study: string;
  readonly trial: string;
};

export type ReportInput = {
  readonly resolved: ResolvedStudy;
  /** Trials without a result, by id. */
  readonly failures: Readonly<Record<string, TrialFailure>>;
};

/** Object names of what a report left in the store. */
export type ReportSummary = {
  readonly page: string;
  readonly markdown: string;
  readonly files: readonly string[];
};

/** Short activities on the queue `kdx`. */
export type StudyActivities = {
  /** Refuses a bad study with `SpecInvalid` before anything runs; puts its dataset into the store. */
  resolveStudy(input: unknown): Promise<ResolvedStudy>;
  /** The results that exist, of at most 40 keys: the answer stays below 64 KiB. */
  findResults(keys: readonly string[]): Promise<readonly ResultSummary[]>;
  /** Waits until a trial started by another study has closed. */
  awaitTrial(workflowId: string): Promise<TrialEnd>;
  /** Device seconds so far of the launch under way of each trial; 0 where none is. */
  measureLegs(workflowIds: readonly string[]): Promise<readonly number[]>;
};

/** Long activities on the queue `kdx-legs`: each holds one slot while its leg runs. */
export type LegActivities = {
  /** Runs a leg, or adopts it; throws only when its end cannot be known. */
  runLeg(leg: Leg): Promise<LegReport>;
};

/** Activities on the queue `kdx-io`: they wait for MLflow and draw pages. */
export type OutputActivities = {
  renderReport(input: ReportInput): Promise<ReportSummary>;
  recordTrial(input: RecordTrialInput): Promise<void>;
  recordReport(study: string): Promise<void>;
};
