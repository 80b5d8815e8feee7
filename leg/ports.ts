import type { Outcome } from './outcome.ts';
import type {
  BlobRef,
  Checkpoint,
  Lease,
  Position,
  Progress,
  Result,
  RunRecord,
} from './result.ts';
import type { Leg, Place } from './spec.ts';

/** What a leg needs from the world. `bin/trainer` takes it from `stores/`, a test from memory. */
export type LegPorts = {
  /** Bytes of a blob, verified against its digest. Throws `ObjectStore` when unreachable, `DataMismatch` when the bytes differ. */
  readBlob(digest: string): Promise<Uint8Array>;
  /** Stores bytes under their digest; storing the same bytes again does nothing. */
  writeBlob(bytes: Uint8Array): Promise<BlobRef>;
  /** Checkpoint manifests of this leg, newest first; unreadable ones are left out. */
  listCheckpoints(): Promise<readonly Checkpoint[]>;
  /** Bytes of a part of this leg's checkpoints. Throws as `readBlob` does. */
  readPart(digest: string): Promise<Uint8Array>;
  /** Stores a part of a checkpoint: no blob, since it goes with the checkpoints of its leg. */
  writePart(bytes: Uint8Array): Promise<BlobRef>;
  /** Writes the manifest; its parts are stored already. Older ones than the last two are removed. */
  commitCheckpoint(checkpoint: Checkpoint): Promise<void>;
  /** Conditional write of `results/<key>.json`; an equal one already there is success. */
  commitResult(result: Result): Promise<void>;
  recordRun(run: RunRecord): Promise<void>;
  /** Reports how far the leg is; never throws, never delays a step. */
  progress(progress: Progress): void;
  /** True once the leg is to end: finish the step, checkpoint, exit 75. */
  stopRequested(): boolean;
};

/** One process (or pod) that ran a leg. Several in one launch where an executor replaces them. */
export type LegProcess = {
  /** Unique among the processes of a leg; a pod's uid. */
  readonly name: string;
  readonly host: string;
  readonly startedAt: string;
  /** Absent while it runs, and where its end was not seen. */
  readonly endedAt?: string;
  /** Seconds so far that it has held its device. */
  readonly seconds: number;
  /** Exit code or signal. */
  readonly exit?: number | string;
};

/** Processes of one launch that are kept: the youngest ones. */
export const PROCESSES_KEPT = 10;

/** How one launch ended, as an executor knows it. */
export type LegEnd = {
  readonly outcome: Outcome;
  /** One line for a person: exit code or signal, and the last line of the log. */
  readonly detail: string;
  /** Where its last process ran: host name or node. */
  readonly host: string;
  /** Oldest first, at most `PROCESSES_KEPT`. */
  readonly processes: readonly LegProcess[];
  /** Of all its processes, those no longer listed included; waiting for a device is none. */
  readonly deviceSeconds: number;
  /** Its last committed checkpoint; absent where none is known. */
  readonly reached?: Position;
  /** Object name of the log of its last process. */
  readonly log?: string;
};

/** What is known of a launch under way. */
export type LegWord = Pick<LegEnd, 'processes' | 'deviceSeconds'> & {
  /** Absent until the leg has reported. */
  readonly progress?: Progress;
  /** Its last committed checkpoint; absent where none is known. */
  readonly reached?: Position;
};

/**
 * Why a caller no longer waits for a launch, as the reason of its abort.
 * - `stop`: the leg is to write a checkpoint and end
 * - `abandon`: this caller is gone (its heartbeat timed out, say); another one may adopt the launch
 * - `detach`: this worker is shutting down. An executor whose legs cannot outlive it stops them; any
 *   other one leaves them to the next worker
 */
export type Intent = 'stop' | 'abandon' | 'detach';

/** A caller that waits for a launch. */
export type LegWatch = {
  /** Aborted with an `Intent` as its reason. */
  readonly signal: AbortSignal;
  /** Called when something has changed, and at least every few seconds while a process runs. */
  report(word: LegWord): void;
};

/** Where legs run. */
export type Executor = {
  readonly name: Place['executor'];
  /**
   * Launches a leg, or adopts the launch of the same name that is already under way, and resolves when
   * it has ended. Rejects when the end cannot be known (the retry then adopts), and with the signal's
   * reason where it leaves a launch that goes on.
   */
  run(leg: Leg, watch: LegWatch): Promise<LegEnd>;
  /**
   * Ends every process of a leg, of whichever launch, that this executor can reach. Resolves when none
   * is left; may be called again and again, also by a worker that has never heard of the leg.
   */
  stop(leg: Leg): Promise<void>;
};

/** A lease and its age by the store's clock. */
export type AgedLease = { readonly lease: Lease; readonly ageSeconds: number };

/** The leases of legs, in the store that all hosts share. */
export type Leases = {
  /** All of a key. */
  list(key: string): Promise<readonly AgedLease[]>;
  read(key: string, process: string): Promise<AgedLease | undefined>;
  write(lease: Lease): Promise<void>;
  /** Asks a process to write a checkpoint and end; it looks for that at each interval. */
  askToStop(key: string, process: string): Promise<void>;
  isAskedToStop(key: string, process: string): Promise<boolean>;
  remove(key: string, process: string): Promise<void>;
};

/** A leg that the cluster holds: a Job that has not ended. */
export type LiveLeg = { readonly job: string; readonly key: string; readonly ageSeconds: number };

/** At most 200 of them, and where the next ones begin. */
export type LiveLegs = { readonly legs: readonly LiveLeg[]; readonly next?: string };
