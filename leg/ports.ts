import type { BlobRef, Checkpoint, Progress, Result, RunRecord } from './result.ts';

/** What a leg needs from the world. `bin/trainer` gives it from `stores/`; a test gives it from memory. */
export type LegPorts = {
  /** Bytes of a blob, verified against its digest. Throws `ObjectStore` when unreachable, `DataMismatch` when the bytes differ. */
  readBlob(digest: string): Promise<Uint8Array>;
  /** Stores bytes under their digest; storing the same bytes again does nothing. */
  writeBlob(bytes: Uint8Array): Promise<BlobRef>;
  /** Checkpoint manifests of this leg, newest first; unreadable ones are left out. */
  listCheckpoints(): Promise<readonly Checkpoint[]>;
  /** Writes the manifest; its parts are blobs already. Older ones than the last two are removed. */
  commitCheckpoint(checkpoint: Checkpoint): Promise<void>;
  /** Conditional write of `results/<key>.json`; an equal one already there is success. */
  commitResult(result: Result): Promise<void>;
  recordRun(run: RunRecord): Promise<void>;
  /** Says how far the leg is; never throws, never delays a step. */
  progress(progress: Progress): void;
  /** True once SIGTERM came or the parent's channel closed: finish the step, checkpoint, exit 75. */
  stopRequested(): boolean;
};
