import { augmentedBatch, batchOf, epochOrder } from './batches.ts';
import type { Batch, BatchSource } from './batch.ts';
import type { Seed } from '../engine/random.ts';
import type { AugmentOptions } from './augment.ts';
import type { BatchMemory } from './assembly.ts';

/** All batches of a training, by what determines them; it can be sent to a thread. */
export type BatchPlan = {
  readonly source: BatchSource;
  /** Positions of the images to train on. */
  readonly images: Uint32Array;
  /** Images of a batch; the last one of an epoch may be short. */
  readonly batch: number;
  readonly epochs: number;
  /** Decides the order of the images and how each is moved. */
  readonly seed: Seed;
  readonly augment: AugmentOptions;
  /** Whether batches have strong views as well. */
  readonly strong?: boolean;
};

/** Batches of one epoch. */
export function batchesPerEpoch({ images, batch }: Pick<BatchPlan, 'images' | 'batch'>): number {
  return Math.ceil(images.length / batch);
}

/** Number of the batch of a step, counted over all epochs. @param epoch from 1 @param step from 0 */
export function batchNumber(plan: BatchPlan, epoch: number, step: number): number {
  return (epoch - 1) * batchesPerEpoch(plan) + step;
}

/** Images in the batch of a number. */
export function imagesOf(plan: BatchPlan, number: number): number {
  const first = (number % batchesPerEpoch(plan)) * plan.batch;
  return Math.min(plan.batch, plan.images.length - first);
}

/** Assembles any batch of a plan by its number: the same bytes wherever and whenever it is called. */
export function createAssembler(plan: BatchPlan): (number: number, memory: BatchMemory) => Batch {
  const perEpoch = batchesPerEpoch(plan);
  const { source, images, batch, seed, augment } = plan;
  let known = { epoch: 0, order: images };
  return (number, memory) => {
    const epoch = Math.floor(number / perEpoch) + 1;
    if (epoch !== known.epoch) known = { epoch, order: epochOrder(images, seed, epoch) };
    const positions = batchOf(known.order, number % perEpoch, batch);
    return augmentedBatch(source, positions, { ...augment, seed, epoch }, memory);
  };
}
