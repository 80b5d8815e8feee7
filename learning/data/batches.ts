import { infoOf, type DatasetUse } from '../../study/datasets.ts';
import { KdxError } from '../../leg/errors.ts';
import { stream, type Seed } from '../engine/random.ts';
import { assemble, assembleViews, batchMemory, type BatchMemory } from './assembly.ts';
import { placementOf, UNMOVED, type AugmentOptions, type Placement } from './augment.ts';
import type { Batch, BatchSource, Normalisation } from './batch.ts';
import { CHANNELS } from './records.ts';
import type { Picture } from './strong/picture.ts';
import { strongView } from './strong/view.ts';

const BYTE_VALUES = 256;

/** @throws KdxError SpecInvalid where the dataset has no such preset */
export function normalisation(dataset: DatasetUse, preset: string): Normalisation {
  const { presets } = infoOf(dataset);
  const chosen = Object.hasOwn(presets, preset) ? presets[preset] : undefined;
  if (chosen === undefined) {
    const allowed = Object.keys(presets).join(', ');
    throw new KdxError('SpecInvalid', `dataset.preset is ${preset}; allowed: ${allowed}.`);
  }
  return Float32Array.from({ length: CHANNELS * BYTE_VALUES }, (_, index) => {
    const channel = Math.floor(index / BYTE_VALUES);
    const share = (index % BYTE_VALUES) / (BYTE_VALUES - 1);
    return (share - (chosen.mean[channel] as number)) / (chosen.std[channel] as number);
  });
}

/** The order of the images in one epoch: a Fisher–Yates shuffle of its own stream. */
export function epochOrder(images: Uint32Array, seed: Seed, epoch: number): Uint32Array {
  const order = stream(seed, `order/${epoch}`).permutation(images.length);
  return order.map((position) => images[position] as number);
}

/** The images of step `step` of an epoch (from 0); the last batch may be short. */
export function batchOf(order: Uint32Array, step: number, batch: number): Uint32Array {
  return order.subarray(step * batch, (step + 1) * batch);
}

/** Images as they are, for evaluation; put into `memory`. */
export function plainBatch(
  source: BatchSource,
  images: Uint32Array,
  memory: BatchMemory = batchMemory(images.length, source.set),
): Batch {
  return assemble(source, images, () => UNMOVED, memory);
}

/**
 * Images moved at random as `augment` says, in the epoch given; put into `memory`, and their strong
 * views too where it has room for these.
 */
export function augmentedBatch(
  source: BatchSource,
  images: Uint32Array,
  augment: AugmentOptions & { readonly seed: Seed; readonly epoch: number },
  memory: BatchMemory = batchMemory(images.length, source.set),
): Batch {
  const { seed, epoch } = augment;
  const placement = (image: number): Placement => placementOf(augment, seed, epoch, image);
  const batch = assemble(source, images, placement, memory);
  if (batch.strong !== undefined) {
    const view = (picture: Picture, image: number): Picture =>
      strongView(picture, augment, seed, epoch, image);
    assembleViews(source, images, view, batch.strong);
  }
  return batch;
}
