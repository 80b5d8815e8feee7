import type { BlobRef, Checkpoint, Progress, Result, RunRecord } from '../leg/result.ts';
import type { ArtifactStore } from './artifacts.ts';
import { cachedBlobs } from './blob-cache.ts';
import { commitCheckpoint, discardCheckpoints, listCheckpoints } from './checkpoints.ts';
import { progressWriter } from './progress.ts';
import { commitResult } from './results.ts';
import { recordRun } from './runs.ts';

export type LegPortsOptions = {
  readonly store: ArtifactStore;
  readonly key: string;
  /** Blobs that were read are kept here for the other legs on this machine. */
  readonly cacheDir: string;
};

/** The store's side of `LegPorts` (`learning/ports.ts`); whether a stop was asked is the process's. */
export type StoredLegPorts = {
  readBlob(digest: string): Promise<Uint8Array>;
  writeBlob(bytes: Uint8Array): Promise<BlobRef>;
  listCheckpoints(): Promise<readonly Checkpoint[]>;
  commitCheckpoint(checkpoint: Checkpoint): Promise<void>;
  commitResult(result: Result): Promise<void>;
  recordRun(run: RunRecord): Promise<void>;
  progress(progress: Progress): void;
};

/** What a leg needs of the store. Failures are KdxErrors that name the object. */
export function openLegPorts({ store, key, cacheDir }: LegPortsOptions): StoredLegPorts {
  return {
    readBlob: cachedBlobs(store, cacheDir),
    writeBlob: (bytes) => store.putBlob(bytes),
    listCheckpoints: () => listCheckpoints(store, key),
    commitCheckpoint: (checkpoint) => commitCheckpoint(store, checkpoint),
    async commitResult(result) {
      await commitResult(store, result);
      // The work is done whether or not its scaffolding can be taken down.
      await discardCheckpoints(store, key, 0).catch(() => undefined);
    },
    recordRun: (run) => recordRun(store, run),
    progress: progressWriter(store),
  };
}
