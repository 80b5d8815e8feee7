import type { Progress } from '../leg/result.ts';
import type { LegContext, Pace } from './context.ts';

/** Between two words of progress. */
const INTERVAL_SECONDS = 2;
/** Words of progress before the pace is measured: the first steps record the graph and fill caches. */
const WARM_UP_ADVANCES = 3;
/** The pace is measured for so long before a remaining time is derived from it. */
const SETTLING_SECONDS = 3;

/** Counts the images of a process and says how far it is, not more often than every two seconds. */
export type ProgressMeter = {
  /** `step` steps of epoch `epoch` (from 1) are done, and `images` images more than last time. */
  advance(at: Place & { readonly images: number }): void;
  /** Says it now. */
  flush(): void;
  readonly imagesPerSecond: number | undefined;
  /** Of steps alone, behind the warm-up and but for the first of an epoch; absent where there were none. */
  readonly steadyImagesPerSecond: number | undefined;
};

/** Where a process is; the loss is absent where nothing is minimised. */
type Place = { readonly epoch: number; readonly step: number; readonly loss?: number };

export type ProgressScope = {
  readonly epochs: number;
  readonly steps: number;
  readonly imagesPerEpoch: number;
};

export function createProgressMeter(context: LegContext, scope: ProgressScope): ProgressMeter {
  const started = context.now();
  let images = 0;
  let advances = 0;
  let warm: { readonly images: number; readonly at: number } | undefined;
  let last: Place = { epoch: 1, step: 0 };
  let said = Number.NEGATIVE_INFINITY;
  let before = started;
  const steady = { images: 0, seconds: 0 };

  const rate = (): number => images / Math.max(context.now() - started, Number.EPSILON);
  const settledRate = (): number | undefined => {
    if (warm === undefined) return undefined;
    const seconds = context.now() - warm.at;
    return seconds < SETTLING_SECONDS ? undefined : (images - warm.images) / seconds;
  };
  const flush = (): void => {
    said = context.now();
    context.ports.progress(describe(context, scope, last, rate(), settledRate()));
  };
  return {
    advance: ({ images: more, ...at }) => {
      const now = context.now();
      // What lies before the first step of an epoch is no training: the measures of the one before.
      if (advances >= WARM_UP_ADVANCES && at.epoch === last.epoch) {
        steady.images += more;
        steady.seconds += now - before;
      }
      before = now;
      images += more;
      last = at;
      advances += 1;
      if (advances === WARM_UP_ADVANCES) warm = { images, at: context.now() };
      if (context.now() - said >= INTERVAL_SECONDS) flush();
    },
    flush,
    get imagesPerSecond(): Pace['imagesPerSecond'] {
      return images === 0 ? undefined : rate();
    },
    get steadyImagesPerSecond(): Pace['steadyImagesPerSecond'] {
      return steady.seconds === 0 ? undefined : steady.images / steady.seconds;
    },
  };
}

/** How fast a process was, and where it started from. */
export function paceOf(
  { imagesPerSecond, steadyImagesPerSecond }: ProgressMeter,
  { epoch, step }: { readonly epoch: number; readonly step: number },
): Pace {
  return {
    ...(imagesPerSecond === undefined ? {} : { imagesPerSecond }),
    ...(steadyImagesPerSecond === undefined ? {} : { steadyImagesPerSecond }),
    ...(epoch > 0 || step > 0 ? { resumedFrom: { epoch, step } } : {}),
  };
}

function describe(
  { key, process: name, trial }: LegContext,
  { epochs, steps, imagesPerEpoch }: ProgressScope,
  { epoch, step, loss }: Place,
  averageRate: number,
  settledRate: number | undefined,
): Progress {
  const left = imagesPerEpoch * (epochs - epoch + (steps - step) / steps);
  const imagesPerSecond = settledRate ?? averageRate;
  return {
    ...{ key, process: name, trial, epoch, epochs, step, steps, imagesPerSecond },
    ...(loss === undefined ? {} : { loss }),
    ...(settledRate === undefined || settledRate === 0 ? {} : { etaSeconds: left / settledRate }),
    peakBytes: process.resourceUsage().maxRSS * 1024,
    at: new Date().toISOString(),
  };
}
