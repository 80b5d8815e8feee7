import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { KdxError } from '../../leg/errors.ts';
import type { InputChange } from '../../study/imported-teacher.ts';
import { tf } from '../engine/backend.ts';
import type { Network, Pass } from '../engine/network.ts';
import { stream } from '../engine/random.ts';
import { handleOf, native, type Handle } from '../engine/recorder/native.ts';
import { networkState } from '../engine/state.ts';
import { foldBatchNorm, foldVam } from '../models/fold.ts';
import type { LoadedNetwork } from '../networks.ts';
import type { Description } from './description.ts';
import { traceNetwork } from './trace.ts';

/** Images for which the logits of a network are known: normalised, NHWC. */
export type Check = {
  readonly shape: readonly [number, number, number, number];
  readonly images: Float32Array;
  readonly logits: Float32Array;
};

/** A network for inference, folded, and what the network as it was trained gives for some images. */
export type ExportedNetwork = { readonly description: Description; readonly check: Check };

const CHECKED_IMAGES = 2;
const CHANNELS = 3;
/** Values of check images are multiples of 1/64: they are the same in every notation. */
const STEPS = 64;

/**
 * Describes a network as it is exported: VAM and batch norms folded, of a tree only what is alive.
 *
 * @param inputs change of pixels in front of it, of a network that reads another normalisation
 * @throws KdxError SpecInvalid for an explainer with soft gates
 */
export function exportNetwork(loaded: LoadedNetwork, inputs?: InputChange): ExportedNetwork {
  const { network, gates, route } = loaded;
  const { imageSize, classes, model } = network.options;
  if (gates === 'soft') {
    const why =
      'every image goes through every expert of it, so that there is no tree to take away';
    const message = `${model} has soft gates: ${why}; allowed: its hard stage (explain/<arm>/s<seed>/hard)`;
    throw new KdxError('SpecInvalid', message);
  }
  const pass: Pass = { mode: 'evaluate', ...(route === undefined ? {} : { route }) };
  const folded = fold(network);
  try {
    const forward = (images: tf.Tensor4D): tf.Tensor2D =>
      folded.forward(changed(images, inputs), pass).logits;
    // The classifier that other modules answer for runs too, and nothing reads what it gives.
    const { body } = folded.answering ?? { body: folded };
    const variables = new Map([...networkState(body), ...networkState(folded)]);
    const description = traceNetwork({ imageSize, classes, forward, variables });
    return { description, check: checkOf(network, pass) };
  } finally {
    folded.dispose();
  }
}

function fold(network: Network): Network {
  if (network.options.vam === undefined) return foldBatchNorm(network);
  const plain = foldVam(network);
  try {
    return foldBatchNorm(plain);
  } finally {
    plain.dispose();
  }
}

function changed(images: tf.Tensor4D, inputs: InputChange | undefined): tf.Tensor4D {
  if (inputs === undefined) return images;
  const scaled = tf.mul(images, tf.tensor1d([...inputs.scale]));
  return tf.add(scaled, tf.tensor1d([...inputs.shift]));
}

function checkOf(network: Network, pass: Pass): Check {
  const { imageSize } = network.options;
  const shape = [CHECKED_IMAGES, imageSize, imageSize, CHANNELS] as const;
  const count = shape.reduce((product, size) => product * size, 1);
  const images = stream(1, 'export').normal(count).map(toSteps);
  const logits = tf.tidy(() => {
    const batch = tf.tensor4d(images, [...shape]);
    return Float32Array.from(network.forward(batch, pass).logits.dataSync<'float32'>());
  });
  return { shape, images, logits };
}

function toSteps(value: number): number {
  return Math.round(value * STEPS) / STEPS;
}

/**
 * Logits that TensorFlow computes with a `saved_model.pb`: its own reader and kernels, none of ours.
 *
 * @param bytes of a graph that has `images` and gives `logits`
 * @throws KdxError CodeBug where TensorFlow does not take it
 */
export function runSavedModel(bytes: Uint8Array, { shape, images }: Check): Float32Array {
  const folder = mkdtempSync(join(tmpdir(), `kdx-export-${process.pid}-`));
  const { binding } = native();
  const batch = tf.tensor4d(images, [...shape]);
  try {
    writeFileSync(join(folder, 'saved_model.pb'), bytes);
    const id = binding.loadSavedModel(folder, 'serve');
    const [output] = binding.runSavedModel(id, [handleOf(batch).id], 'images:0', 'logits:0');
    const { id: logits } = output as Handle;
    const values = Float32Array.from(binding.tensorDataSync(logits));
    binding.deleteTensor(logits);
    binding.deleteSavedModel(id);
    return values;
  } catch (cause) {
    throw new KdxError('CodeBug', 'TensorFlow refuses the exported graph', { cause });
  } finally {
    batch.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}
