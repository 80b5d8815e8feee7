import type { Outcome } from './outcome.ts';
import type { LegSpec } from './spec.ts';

/** Immutable bytes in `blobs/<digest>`. */
export type BlobRef = { readonly digest: string; readonly bytes: number };

/**
 * `results/<key>.json`: written last and once, by conditional write. It holds only what the spec
 * determines, so that two undisturbed or disturbed runs give the same bytes (canonical JSON).
 */
export type Result = {
  readonly schema: 1;
  readonly key: string;
  readonly spec: LegSpec;
  readonly status: 'complete' | 'diverged';
  readonly diverged?: { readonly epoch: number; readonly step: number };
  /** Flat scalars for tables; accuracies in percent. Names: see `METRICS` in `leg/records.ts`. */
  readonly metrics: Readonly<Record<string, number>>;
  /** `weights` (safetensors), `epochs` (JSON lines), `evaluation`, `explanation`, `logits` (canonical JSON). */
  readonly files: Readonly<Record<string, BlobRef>>;
};

/** `runs/<key>/<process>.json`: environment, times and cost of one process; never byte-compared. */
export type RunRecord = {
  readonly schema: 1;
  readonly key: string;
  readonly process: string;
  readonly study: string;
  readonly trial: string;
  readonly launch: number;
  readonly outcome: 'done' | 'stopped' | 'diverged';
  readonly startedAt: string;
  readonly seconds: number;
  readonly imagesPerSecond?: number;
  /** Of steps alone: without start, warm-up and the measures between epochs. */
  readonly steadyImagesPerSecond?: number;
  /** Seconds that the training waited for its batches. */
  readonly inputSeconds?: number;
  readonly peakBytes: number;
  /** Of a GPU, TensorFlow's reserve included; absent on a CPU or where the driver does not tell. */
  readonly peakDeviceBytes?: number;
  /** Step the process resumed from, and the device class it runs in. */
  readonly resumedFrom?: { readonly epoch: number; readonly step: number };
  readonly deviceClass: {
    readonly kind: 'cpu' | 'cuda';
    readonly model: string;
    readonly threads: number;
    readonly tensorflow: string;
  };
  readonly host: string;
  readonly code: string;
  readonly commit?: string;
};

/** Epochs finished, and steps finished within the one under way. */
export type Position = { readonly epoch: number; readonly step: number };

/** `checkpoints/<key>/<epoch>-<step>.json`: parts first, this manifest last. */
export type Checkpoint = {
  readonly schema: 1;
  readonly key: string;
  /** Epochs finished, and steps finished within the one under way. */
  readonly epoch: number;
  readonly step: number;
  readonly deviceClass: RunRecord['deviceClass'];
  /**
   * Of a training: `state` (safetensors: weights, statistics, optimiser slots), `epochs` (the log so
   * far), `loop` (JSON). Of a teach leg: `state` (rows of the epoch under way), `index` (the epochs so far).
   */
  readonly files: Readonly<Record<string, BlobRef>>;
};

/** How far a process is. */
export type Progress = {
  readonly key: string;
  readonly process: string;
  readonly trial: string;
  readonly epoch: number;
  readonly epochs: number;
  readonly step: number;
  readonly steps: number;
  readonly imagesPerSecond: number;
  /** Absent where nothing is minimised. */
  readonly loss?: number;
  /** Absent until the pace is known. */
  readonly etaSeconds?: number;
  readonly peakBytes: number;
  readonly at: string;
};

/**
 * `progress/<key>/<process>.json`, overwritten at each interval: as long as it is young, the process has
 * the leg, and nothing else starts it.
 */
export type Lease = {
  readonly schema: 1;
  readonly key: string;
  readonly process: string;
  readonly host: string;
  readonly startedAt: string;
  /** When this was written and when the leg last got further, by the clock of the process. */
  readonly at: string;
  readonly advancedAt: string;
  readonly intervalSeconds: number;
  readonly progress?: Progress;
  /** The longest step so far; absent until one was measured. */
  readonly stepSeconds?: number;
  /** Its last committed checkpoint. */
  readonly committed?: Position;
  /** The process is gone, or about to go: how it ended. */
  readonly ended?: { readonly outcome: Outcome; readonly detail: string };
};
