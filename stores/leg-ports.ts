import { errorText } from '../leg/errors.ts';
import type { LegPorts } from '../leg/ports.ts';
import type { ArtifactStore } from './artifacts.ts';
import { cachedBlobs, DEFAULT_BLOB_CACHE_BYTES } from './blob-cache.ts';
import {
  commitCheckpoint,
  discardCheckpoints,
  listCheckpoints,
  readPart,
  writePart,
} from './checkpoints.ts';
import { commitResult } from './results.ts';
import { recordRun } from './runs.ts';

export type LegPortsOptions = {
  readonly store: ArtifactStore;
  /** The same store, for what must not be given up while it is away; absent: `store`. */
  readonly patient?: ArtifactStore;
  readonly key: string;
  /** Blobs that were read are kept here for the other legs on this machine; absent: nowhere. */
  readonly cacheDir?: string;
  /** Most that they may take there; absent: `DEFAULT_BLOB_CACHE_BYTES`. */
  readonly cacheBytes?: number;
  /** Notes in the log that something is not as it should be, and that the leg goes on. */
  readonly warn?: (message: string) => void;
};

/** The store's side of `LegPorts`; progress and stops are the process's. */
export type StoredLegPorts = Omit<LegPorts, 'progress' | 'stopRequested'>;

/** What a leg needs of the store. Failures are KdxErrors that name the object. */
export function openLegPorts(options: LegPortsOptions): StoredLegPorts {
  const { store, patient = store, key, cacheDir, warn = () => undefined } = options;
  const { cacheBytes = DEFAULT_BLOB_CACHE_BYTES } = options;
  /** Parts that this process has stored and not yet removed. */
  const written = new Set<string>();
  return {
    readBlob:
      cacheDir === undefined
        ? (digest) => patient.getBlob(digest)
        : cachedBlobs(patient, { folder: cacheDir, maxBytes: cacheBytes, warn }),
    writeBlob: (bytes) => patient.putBlob(bytes),
    listCheckpoints: () => listCheckpoints(store, key, warn),
    readPart: (digest) => readPart(store, key, digest),
    writePart: async (bytes) => {
      const part = await writePart(store, key, bytes);
      written.add(part.digest);
      return part;
    },
    commitCheckpoint: (checkpoint) => commitCheckpoint(store, checkpoint, written),
    async commitResult(result) {
      await commitResult(patient, result);
      // The work is done whether or not its scaffolding can be taken down.
      await discardCheckpoints(store, key).catch((error: unknown) => {
        warn(`the checkpoints of ${key} stay: ${errorText(error)}`);
      });
    },
    recordRun: (run) => recordRun(patient, run),
  };
}
