import { setImmediate } from 'node:timers/promises';

import type { Dataset } from '../data/load.ts';
import { batchOf, plainBatch } from '../data/batches.ts';
import type { Batch } from '../data/batch.ts';
import { CHANNELS } from '../data/records.ts';
import { tf } from '../engine/backend.ts';
import type { Network, Parameter } from '../engine/network.ts';
import { expertName } from '../models/explainer/route.ts';
import { passOf, type LoadedNetwork } from '../networks.ts';
import type { Work } from '../tick.ts';
import type { ArmLoss } from './arm-loss.ts';

/** Images that the gradient of one class is averaged over, at most. */
const IMAGES_PER_CLASS = 128;
const BATCH = 64;

/** Gradient of one class's loss with respect to every expert: [level][expert]. */
export type ExpertGradients = readonly (readonly Float32Array[])[];

/** A stored explainer, and the loss that it was trained with. */
export type Subject = {
  readonly loaded: LoadedNetwork;
  readonly loss: ArmLoss;
  /** Experts of every level. */
  readonly experts: readonly number[];
};

/** How much work the gradients of all classes are, for one network. */
export function classGradientsWork(data: Dataset): Work {
  const counts = Array.from({ length: data.info.classes }, (_, k) => imagesOf(data, k).length);
  return {
    steps: counts.reduce((sum, images) => sum + Math.ceil(images / BATCH), 0),
    images: counts.reduce((sum, images) => sum + images, 0),
  };
}

/** The images that the gradient of a class is averaged over. */
function imagesOf({ train, split }: Dataset, label: number): Uint32Array {
  const { labels } = train.set;
  return split.train.filter((image) => labels[image] === label).subarray(0, IMAGES_PER_CLASS);
}

/**
 * Gradients of the loss of a class's training images, in evaluation mode, with respect to the weights
 * of every expert, summed over the images. An expert that no class reads has zeros.
 *
 * @param tick called after each batch, with its images; may throw to end the work
 */
export async function classGradients(
  { loaded, loss, experts: counts }: Subject,
  data: Dataset,
  label: number,
  tick: (images: number) => void,
): Promise<ExpertGradients> {
  const images = imagesOf(data, label);
  const experts = counts.map((count, level) =>
    Array.from({ length: count }, (_, expert) => expertParameters(loaded.network, level, expert)),
  );
  const sums = experts.map((level) =>
    level.map((parameters) => new Float32Array(sizeOf(parameters))),
  );
  for (let step = 0; step * BATCH < images.length; step += 1) {
    const batch = plainBatch(data.train, batchOf(images, step, BATCH));
    const gradients = batchGradients(loaded, loss, batch, experts.flat(2));
    for (const [level, row] of experts.entries()) {
      for (const [expert, parameters] of row.entries()) {
        accumulate(sums[level]?.[expert] as Float32Array, parameters, gradients, batch.count);
      }
    }
    await setImmediate();
    tick(batch.count);
  }
  return sums;
}

function expertParameters(network: Network, level: number, expert: number): Parameter[] {
  const prefix = `${expertName(level + 1, expert)}/`;
  return [...network.trainable.values()].filter(({ name }) => name.startsWith(prefix));
}

function sizeOf(parameters: readonly Parameter[]): number {
  return parameters.reduce((sum, { variable }) => sum + variable.size, 0);
}

/** Adds a batch's mean gradients, weighed by its images, one parameter behind the other. */
function accumulate(
  sum: Float32Array,
  parameters: readonly Parameter[],
  gradients: ReadonlyMap<string, Float32Array>,
  images: number,
): void {
  let offset = 0;
  for (const { name, variable } of parameters) {
    for (const [i, value] of (gradients.get(name) ?? []).entries()) {
      sum[offset + i] = (sum[offset + i] as number) + value * images;
    }
    offset += variable.size;
  }
}

/** Gradients of the mean loss of a batch, by parameter; none where the loss does not depend on one. */
function batchGradients(
  loaded: LoadedNetwork,
  loss: ArmLoss,
  batch: Batch,
  parameters: readonly Parameter[],
): Map<string, Float32Array> {
  const { network, inverseGateTemperature = 1 } = loaded;
  const { imageSize, classes } = network.options;
  const gradients = new Map<string, Float32Array>();
  tf.tidy(() => {
    const images = tf.tensor4d(batch.images, [batch.count, imageSize, imageSize, CHANNELS]);
    const labels = tf.oneHot(tf.tensor1d(batch.labels, 'int32'), classes, 1, 0, 'float32');
    const feeds = { inverseGateTemperature: tf.scalar(inverseGateTemperature) };
    const lossOf = loss.of(images, labels as tf.Tensor2D);
    const variables = parameters.map(({ variable }) => variable);
    const { grads } = tf.variableGrads(
      () => lossOf(network.forward(images, passOf(loaded, 'evaluate', feeds))),
      variables,
    );
    for (const { name, variable } of parameters) {
      const gradient = grads[variable.name];
      if (gradient !== undefined) gradients.set(name, gradient.dataSync<'float32'>());
    }
  });
  return gradients;
}
