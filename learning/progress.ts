import type { Progress } from '../leg/result.ts';
import type { LegContext, Pace } from './context.ts';

/** Between two words of progress. */
const INTERVAL_SECONDS = 2;

/** Counts the images of a process and says how far it is, not more often than every two seconds. */
export type ProgressMeter = {
  /** `step` steps of epoch `epoch` (from 1) are done, and `images` images more than last time. */
  advance(at: Place & { readonly images: number }): void;
  /** Says it now. */
  flush(): void;
  readonly imagesPerSecond: number | undefined;
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
  let last: Place = { epoch: 1, step: 0 };
  let said = Number.NEGATIVE_INFINITY;

  const rate = (): number => images / Math.max(context.now() - started, Number.EPSILON);
  const flush = (): void => {
    said = context.now();
    context.ports.progress(describe(context, scope, last, rate()));
  };
  return {
    advance: ({ images: more, ...at }) => {
      images += more;
      last = at;
      if (context.now() - said >= INTERVAL_SECONDS) flush();
    },
    flush,
    get imagesPerSecond(): Pace['imagesPerSecond'] {
      return images === 0 ? undefined : rate();
    },
  };
}

/** How fast a process was, and where it started from. */
export function paceOf(
  { imagesPerSecond }: ProgressMeter,
  { epoch, step }: { readonly epoch: number; readonly step: number },
): Pace {
  return {
    ...(imagesPerSecond === undefined ? {} : { imagesPerSecond }),
    ...(epoch > 0 || step > 0 ? { resumedFrom: { epoch, step } } : {}),
  };
}

function describe(
  { key, process: name, trial }: LegContext,
  { epochs, steps, imagesPerEpoch }: ProgressScope,
  { epoch, step, loss }: Place,
  imagesPerSecond: number,
): Progress {
  const left = imagesPerEpoch * (epochs - epoch + (steps - step) / steps);
  return {
    ...{ key, process: name, trial, epoch, epochs, step, steps, imagesPerSecond },
    ...(loss === undefined ? {} : { loss }),
    etaSeconds: imagesPerSecond > 0 ? left / imagesPerSecond : 0,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    at: new Date().toISOString(),
  };
}
