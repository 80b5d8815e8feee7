import { KdxError } from '../leg/errors.ts';
import type { LegContext } from './context.ts';
import { createProgressMeter } from './progress.ts';

/** How much there is to do: steps, and the images of all of them. */
export type Work = { readonly steps: number; readonly images: number };

export function sumOf(a: Work, b: Work): Work {
  return { steps: a.steps + b.steps, images: a.images + b.images };
}

/**
 * Returns what work without checkpoints calls after each step, with the images of that step: it reports
 * progress, so that a leg that works is not taken for stalled.
 *
 * The returned function throws KdxError Stopped where a stop was asked for: there is nothing to keep.
 */
export function createTick(
  context: LegContext,
  { what, steps, images }: Work & { readonly what: string },
): (images: number) => void {
  const meter = createProgressMeter(context, { epochs: 1, steps, imagesPerEpoch: images });
  let step = 0;
  return (more) => {
    if (context.ports.stopRequested()) {
      throw new KdxError('Stopped', `A stop was asked for in the middle of ${what}.`);
    }
    step += 1;
    meter.advance({ epoch: 1, step, images: more });
  };
}
