import type { Launch } from '../leg/decide.ts';
import type { ErrorCode } from '../leg/errors.ts';
import type { LegEnd, LegWord, LiveLegs } from '../leg/ports.ts';
import type { Leg, Place } from '../leg/spec.ts';
import type { BenchmarkTrial } from '../study/benchmark.ts';
import type { Collection } from '../stores/garbage/collect.ts';
import type { CodeIndex } from '../study/code.ts';
import type { Section } from '../study/plan/plan.ts';
import type { Study } from '../study/schema.ts';

/**
 * What workflows may ask of the world, as types only: the workflow bundle imports this file and
 * nothing else of `activities/`. Payloads are specs and references, never tensors.
 */

/** A study with its defaults, and what the plan needs of the world. Everything the plan depends on. */
export type PlannedStudy = {
  readonly study: Study;
  readonly datasetDigest: string;
  readonly code: CodeIndex;
};

/** A study whose plan is settled, and where it runs. */
export type ResolvedStudy = PlannedStudy & { readonly place: Place };

/** A study that has been resolved, once: what the plan depends on, and the blob that keeps it. */
export type PinnedStudy = {
  readonly digest: string;
  readonly resolved: ResolvedStudy;
  /** The server knows our search attributes; absent: it does not. */
  readonly searchable?: boolean;
};

/** The part of a result that workflows act on. */
export type ResultSummary = {
  readonly key: string;
  readonly status: 'complete' | 'diverged';
  readonly metrics: Readonly<Record<string, number>>;
  /** Digests of the result's files by name. */
  readonly files: Readonly<Record<string, string>>;
};

/** What lies at a key and is no result of it: the trial fails, and the study goes on. */
export type DamagedResult = {
  readonly key: string;
  readonly status: 'damaged';
  readonly message: string;
};

/** What a look-up by key has found. */
export type Found = ResultSummary | DamagedResult;

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

/** A trial that has failed, or that is tried again after it had. */
export type FailedTrial = {
  readonly id: string;
  /** Absent while it is tried again. */
  readonly failure?: TrialFailure;
  /** Launches that failed, which the next ones are counted with. */
  readonly earlier: readonly Launch[];
};

/** Failed trials as one blob: as many as fit into a payload, and the digest of those before them. */
export type FailureChunk = {
  readonly trials: readonly FailedTrial[];
  readonly before?: string;
  /** Last chunks of other chains that are part of this one. */
  readonly joined?: readonly string[];
};

/** Some of the trials of a study's plan. */
export type PlanPage = {
  /** Digest of the resolved study. */
  readonly study: string;
  readonly sections: readonly Section[];
  /** Which ones, in the order of the plan of these sections. */
  readonly from: number;
  readonly count: number;
  /** Digest of the trials that have failed so far. */
  readonly failures?: string;
};

/** What a look-up of a page has found: see `packStates` and `packTop1`. */
export type PlanFound = {
  readonly states: string;
  readonly top1: string;
  /** Places in the page of trials that have failed, or whose result is damaged, by code. */
  readonly failed: Readonly<Partial<Record<ErrorCode, readonly number[]>>>;
  /** What the first of them said, by place. */
  readonly messages: Readonly<Record<number, string>>;
};

/** Where a trial stands that another study has started. */
export type TrialEnd =
  | { readonly status: 'running' | 'completed' | 'cancelled' | 'gone' }
  | { readonly status: 'failed'; readonly failure: TrialFailure };

export type ReportInput = {
  /** Digest of the resolved study. */
  readonly resolved: string;
  /** Digest of the last chunk of its failed trials; absent where none has failed. */
  readonly failures?: string;
};

/** Object names of what a report left in the store. */
export type ReportSummary = {
  readonly page: string;
  readonly markdown: string;
  readonly files: readonly string[];
};

/** A finished trial to be recorded. */
export type Recordable = { readonly key: string; readonly trial: string };

export type RecordTrialsInput = {
  readonly study: string;
  readonly trials: readonly Recordable[];
};

/** Short activities on the queue `kdx`. */
export type StudyActivities = {
  /**
   * Refuses a bad study with `SpecInvalid` before anything runs; puts its dataset into the store, and
   * what it has resolved.
   */
  resolveStudy(input: unknown): Promise<PinnedStudy>;
  /** What `resolveStudy` has put there. */
  readStudy(digest: string): Promise<ResolvedStudy>;
  /** What lies at those of at most 40 keys that have something: the answer stays below 64 KiB. */
  findResults(keys: readonly string[]): Promise<readonly Found[]>;
  /** Where trials of other studies stand, at most 200 at once; waits for none of them. */
  lookAtTrials(workflowIds: readonly string[]): Promise<readonly TrialEnd[]>;
  /** Device seconds so far of the launch under way of each trial; 0 where none is. */
  measureLegs(workflowIds: readonly string[]): Promise<readonly number[]>;
  /** Keeps a chunk of failed trials; answers its digest. */
  keepFailures(chunk: FailureChunk): Promise<string>;
  /** A chunk; with ids, those of a whole chain, and no chunk before it. */
  readFailures(digest: string, only?: readonly string[]): Promise<FailureChunk>;
  /** Where at most 5,000 trials of a plan stand: the answer stays below 64 KiB. */
  lookUpPlan(page: PlanPage): Promise<PlanFound>;
};

/** Long activities on the queues of legs: each holds one slot while its leg runs. */
export type LegActivities = {
  /** Runs a leg, or adopts it; throws only when its end cannot be known. */
  runLeg(leg: Leg): Promise<LegReport>;
};

/** On a queue of short activities, so that it never waits for a slot that a leg holds. */
export type StopActivities = {
  /** Ends every process of a leg that still runs; resolves when none is left. */
  stopLeg(leg: Leg): Promise<void>;
};

/** What a benchmark trains, a part for each flavour. */
export type PlannedBenchmark = readonly {
  readonly place: Place;
  readonly trials: readonly BenchmarkTrial[];
}[];

/** A training of a benchmark that is done. */
export type Measured = { readonly series: string; readonly key: string; readonly trial: string };

/** What a series looks like after a run of the benchmark. */
export type Verdict = {
  readonly series: string;
  /** `new`: too few runs to compare; `unmeasured`: interrupted, or too short. */
  readonly verdict: 'steady' | 'slower' | 'new' | 'unmeasured';
  readonly imagesPerSecond?: number;
  /** Runs of the series that are known, this one included; 23 at most are looked at. */
  readonly runs?: number;
  /** Relative change of the newest three runs against those before. */
  readonly change?: number;
  /** One-sided, adjusted (Holm) for all series of the run. */
  readonly p?: number;
};

/** Short activities of the benchmark on the queue `kdx`. */
export type BenchmarkActivities = {
  /** @param at which run it is */
  planBenchmark(input: unknown, at: string): Promise<PlannedBenchmark>;
  /** Keeps what was measured and holds it against earlier runs. */
  judgeBenchmark(measured: readonly Measured[], at: string): Promise<readonly Verdict[]>;
};

export type { Collection } from '../stores/garbage/collect.ts';

export type GarbageOptions = {
  readonly dryRun: boolean;
  /** What is younger is left alone. */
  readonly graceSeconds: number;
  /** The same for checkpoints without a result. */
  readonly unfinishedSeconds: number;
};

/** On the queue `kdx`; a long one. */
export type CollectActivities = {
  /** Removes from the store what nothing names any more; trying again goes on. */
  collectGarbage(options: GarbageOptions): Promise<Collection>;
};

/** What the janitor asks of a cluster. */
export type JanitorActivities = {
  listLiveLegs(after?: string): Promise<LiveLegs>;
  /** Ends Jobs by name; each writes a checkpoint first. */
  removeLegs(jobs: readonly string[]): Promise<void>;
};

/** Activities on the queue `kdx-report`. */
export type ReportActivities = {
  renderReport(input: ReportInput): Promise<ReportSummary>;
};

/** Activities on the queue `kdx-record`: they wait for MLflow. Writing twice is writing once. */
export type RecordActivities = {
  /** Answers the trials that could not be recorded because their files are damaged. */
  recordTrials(input: RecordTrialsInput): Promise<readonly string[]>;
  /** Records what is there of a page of a plan; answers how many trials the plan has. */
  recordPlan(page: PlanPage, study: string): Promise<{ readonly total: number }>;
  recordReport(study: string): Promise<void>;
};
