import { setImmediate } from 'node:timers/promises';

import { crossEntropy } from '../../distillers/ce.ts';
import type { Explanation, Tree } from '../../leg/records.ts';
import { DATASETS } from '../../study/datasets.ts';
import type { Dataset } from '../data/load.ts';
import { batchOf, plainBatch } from '../data/batches.ts';
import type { Batch } from '../data/batch.ts';
import { CHANNELS } from '../data/records.ts';
import { tf } from '../engine/backend.ts';
import type { Network, Parameter } from '../engine/network.ts';
import { expertName } from '../models/explainer/route.ts';
import { passOf, type LoadedNetwork } from '../networks.ts';
import type { Work } from '../tick.ts';

/** Images that the gradient of one class is averaged over, at most. */
const IMAGES_PER_CLASS = 128;
const BATCH = 64;

/** Gradient of one class's loss with respect to every expert: [level][expert]. */
type ExpertGradients = readonly (readonly Float32Array[])[];

/**
 * How often classes that share an expert pull it apart: the share, by level, of such pairs whose
 * gradients of the expert's weights point in opposite halves of space. Class k's gradient is that of
 * the cross-entropy of its training images, in evaluation mode. Which experts a class uses is what
 * its path in the tree says. A level where no two classes share an expert has no rate. A measure of
 * ours for the paper's claim of fewer conflicts.
 *
 * @param tick called after each batch, with its images; may throw to end the work
 */
export async function conflictRates(
  loaded: LoadedNetwork,
  tree: Tree,
  data: Dataset,
  tick: (images: number) => void,
): Promise<NonNullable<Explanation['conflict']>> {
  const counts = tree.live.map(({ experts }) => experts);
  const byClass: ExpertGradients[] = [];
  for (const { class: k } of tree.paths) {
    byClass.push(await classGradients(loaded, data, k, counts, tick));
  }
  return counts.flatMap((_, position) => {
    const cosines = sharedPairs(tree, position).map(([a, b, expert]) =>
      dot(
        byClass[a]?.[position]?.[expert] as Float32Array,
        byClass[b]?.[position]?.[expert] as Float32Array,
      ),
    );
    const opposed = cosines.filter((value) => value < 0).length;
    // Where no classes share an expert there is no rate: none is not a perfect one.
    if (cosines.length === 0) return [];
    return [{ level: position + 1, rate: opposed / cosines.length, pairs: cosines.length }];
  });
}

/** How much work the conflict rates of a dataset are. */
export function conflictWork(data: Dataset): Work {
  const counts = Array.from(
    { length: DATASETS[data.name].classes },
    (_, k) => imagesOf(data, k).length,
  );
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

/** Pairs of classes with the same expert at a level, and that expert. */
function sharedPairs(tree: Tree, position: number): [number, number, number][] {
  return tree.paths.flatMap((path, a) =>
    tree.paths
      .slice(a + 1)
      .filter(({ experts }) => experts[position] === path.experts[position])
      .map((other): [number, number, number] => [
        path.class,
        other.class,
        path.experts[position] as number,
      ]),
  );
}

/** The sign of the dot product is that of the cosine. */
function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function expertParameters(network: Network, level: number, expert: number): Parameter[] {
  const prefix = `${expertName(level + 1, expert)}/`;
  return [...network.trainable.values()].filter(({ name }) => name.startsWith(prefix));
}

async function classGradients(
  loaded: LoadedNetwork,
  data: Dataset,
  label: number,
  counts: readonly number[],
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
    const gradients = batchGradients(loaded, batch, experts.flat(2));
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

/** Gradients of the mean cross-entropy of a batch, by parameter. */
function batchGradients(
  loaded: LoadedNetwork,
  batch: Batch,
  parameters: readonly Parameter[],
): Map<string, Float32Array> {
  const { network, inverseGateTemperature = 1 } = loaded;
  const { imageSize, classes } = network.options;
  const gradients = new Map<string, Float32Array>();
  tf.tidy(() => {
    const images = tf.tensor4d(batch.images, [batch.count, imageSize, imageSize, CHANNELS]);
    const labels = tf.oneHot(tf.tensor1d(batch.labels, 'int32'), classes);
    const feeds = { inverseGateTemperature: tf.scalar(inverseGateTemperature) };
    const variables = parameters.map(({ variable }) => variable);
    const { grads } = tf.variableGrads(() => {
      const { logits } = network.forward(images, passOf(loaded, 'evaluate', feeds));
      return crossEntropy(tf, tf.cast(labels, 'float32').as2D(batch.count, classes), logits);
    }, variables);
    for (const { name, variable } of parameters) {
      const gradient = grads[variable.name];
      if (gradient !== undefined) gradients.set(name, gradient.dataSync<'float32'>());
    }
  });
  return gradients;
}
