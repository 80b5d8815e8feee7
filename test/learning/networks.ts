/** Small networks and batches for tests, drawn from the project's own random streams. */
import { tf } from '../../learning/engine/backend.ts';
import { seededInitialiser } from '../../learning/engine/initialise.ts';
import type { Network, NetworkOptions, Pass } from '../../learning/engine/network.ts';
import type { NormState } from '../../learning/engine/normalisation.ts';
import { stream } from '../../learning/engine/random.ts';
import { buildNetwork } from '../../learning/models/build.ts';

/** A seeded network; resnet8 for 10 classes and 32 × 32 pixels unless told otherwise. */
export function randomNetwork(options: Partial<NetworkOptions> = {}, seed = 1029): Network {
  const complete = { model: 'resnet8', classes: 10, imageSize: 32, ...options };
  return buildNetwork(
    complete,
    seededInitialiser((name) => stream(seed, name)),
  );
}

/** Values of a standard normal. */
export function randomTensor<R extends tf.Rank>(shape: tf.ShapeMap[R], name = 'x'): tf.Tensor<R> {
  const count = (shape as number[]).reduce((product, size) => product * size, 1);
  return tf.tensor(stream(1, name).normal(count), shape);
}

/** The tensors of a batch norm of `channels`, all of them different. */
export function normState(channels: number): NormState {
  const values = (name: string): tf.Tensor1D => randomTensor<tf.Rank.R1>([channels], name);
  const variable = (tensor: tf.Tensor): tf.Variable => tf.variable(tensor);
  return {
    gamma: variable(values('gamma')),
    beta: variable(values('beta')),
    mean: variable(values('mean')),
    variance: variable(tf.add(tf.square(values('variance')), 0.5)),
  };
}

/** Cross-entropy of a network's logits with label b mod classes for image b. */
export function lossOf(network: Network, images: tf.Tensor4D, pass: Pass): tf.Scalar {
  const { logits } = network.forward(images, pass);
  const { classes } = network.options;
  const labels = Array.from({ length: images.shape[0] }, (_, b) => b % classes);
  const targets = tf.oneHot(tf.tensor1d(labels, 'int32'), classes).toFloat();
  return tf.neg(tf.mean(tf.sum(tf.mul(targets, tf.logSoftmax(logits)), 1)));
}

/** Gradients of that loss by parameter name, for the parameters it reaches. */
export function gradientsOf(
  network: Network,
  images: tf.Tensor4D,
  pass: Pass,
): Map<string, readonly number[]> {
  const parameters = [...network.trainable.values()];
  const variables = parameters.map(({ variable }) => variable);
  const { value, grads } = tf.variableGrads(() => lossOf(network, images, pass), variables);
  const reached = new Map<string, readonly number[]>();
  for (const { name, variable } of parameters) {
    const gradient = grads[variable.name];
    if (gradient !== undefined) reached.set(name, [...gradient.dataSync()]);
  }
  tf.dispose([value, grads]);
  return reached;
}

/** Logits on the host. */
export function logitsOf(network: Network, images: tf.Tensor4D, pass: Pass): number[][] {
  return tf.tidy(() => network.forward(images, pass).logits.arraySync());
}

/** Largest absolute difference. */
export function distance(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}
