import { errorText } from '../leg/errors.ts';
import type { BlobRef, Checkpoint, Progress, Result, RunRecord } from '../leg/result.ts';
import type { ArtifactStore } from './artifacts.ts';
import { cachedBlobs, DEFAULT_BLOB_CACHE_BYTES } from './blob-cache.ts';
import { commitCheckpoint, discardCheckpoints, listCheckpoints } from './checkpoints.ts';
import { progressWriter } from './progress.ts';
import { commitResult } from './results.ts';
import { recordRun } from './runs.ts';

export type LegPortsOptions = {
  readonly store: ArtifactStore;
  readonly key: string;
  /** Blobs that were read are kept here for the other legs on this machine; absent: nowhere. */
  readonly cacheDir?: string;
  /** Most that they may take there; absent: `DEFAULT_BLOB_CACHE_BYTES`. */
  readonly cacheBytes?: number;
  /** Says in the log that something is not as it should be, and that the leg goes on. */
  readonly warn?: (message: string) => void;
};

/** The store's side of `LegPorts` (`leg/ports.ts`); whether a stop was asked is the process's. */
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
export function openLegPorts(options: LegPortsOptions): StoredLegPorts {
  const { store, key, cacheDir, warn = () => undefined } = options;
  const { cacheBytes = DEFAULT_BLOB_CACHE_BYTES } = options;
  return {
    readBlob:
      cacheDir === undefined
        ? (digest) => store.getBlob(digest)
        : cachedBlobs(store, { folder: cacheDir, maxBytes: cacheBytes, warn }),
    writeBlob: (bytes) => store.putBlob(bytes),
    listCheckpoints: () => listCheckpoints(store, key, warn),
    commitCheckpoint: (checkpoint) => commitCheckpoint(store, checkpoint),
    async commitResult(result) {
      await commitResult(store, result);
      // The work is done whether or not its scaffolding can be taken down.
      await discardCheckpoints(store, key, 0).catch((error: unknown) => {
        warn(`the checkpoints of ${key} stay: ${errorText(error)}`);
      });
    },
    recordRun: (run) => recordRun(store, run),
    progress: progressWriter(store),
  };
}
