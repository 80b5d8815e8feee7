import type { BlobRef, Result, RunRecord } from '../leg/result.ts';
import type { CodeIndex } from '../study/code.ts';
import type { DatasetName } from '../study/datasets.ts';

/** What activities need of the artifact store; `stores/artifacts` has it. */
export type ArtifactPort = {
  readBlob(digest: string): Promise<Uint8Array>;
  writeBlob(bytes: Uint8Array): Promise<BlobRef>;
  readResult(key: string): Promise<Result | undefined>;
  listRuns(key: string): Promise<readonly RunRecord[]>;
  /** Overwrites a named object outside the immutable prefixes, e.g. a page of a report. */
  writeObject(name: string, bytes: Uint8Array, contentType: string): Promise<void>;
};

/** What resolving a study needs of this build and this machine. */
export type CatalogPort = {
  /** Puts the files of a registered dataset into the store; answers their common digest. */
  publishDataset(name: DatasetName): Promise<string>;
  /** The code index of this build, `learning/code.json`. */
  readCodeIndex(): Promise<CodeIndex>;
  /** Executors that this worker can offer to a study. */
  readonly executors: readonly string[];
};

/** Writes what has been computed into the tracking server, idempotently by key. */
export type TrackingPort = {
  recordTrial(input: {
    readonly study: string;
    readonly trial: string;
    readonly result: Result;
    readonly runs: readonly RunRecord[];
    readonly epochs: Uint8Array | undefined;
  }): Promise<void>;
  recordReport(study: string): Promise<void>;
};
