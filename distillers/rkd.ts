import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, type Tf } from './contract.ts';
import { embeddings, missingEmbedding } from './embeddings.ts';

type Matrix = tensorflow.Tensor2D;
type Scalar = tensorflow.Scalar;
type Cube = tensorflow.Tensor3D;

/** Squared distances are at least this: the gradient of their roots stays finite. */
const LEAST_SQUARE = 1e-12;
/** Far below any norm that matters, and keeps the gradient of a zero vector finite. */
const TINY = 1e-24;

/** e_j − e_i for every i and j, [B, B, D]. */
function differences(tf: Tf, embedded: Matrix): Cube {
  return tf.sub(tf.expandDims(embedded, 0), tf.expandDims(embedded, 1));
}

/** Distances of all pairs over their mean; an image has none from itself. [B, B] */
function distances(tf: Tf, apart: Cube): Matrix {
  const [batch] = apart.shape;
  const squares = tf.maximum<Matrix>(tf.sum(tf.square(apart), 2), LEAST_SQUARE);
  const lengths = tf.mul<Matrix>(tf.sqrt(squares), tf.sub(1, tf.eye(batch)));
  const mean = tf.div<Scalar>(tf.sum(lengths), Math.max(1, batch * (batch - 1)));
  // In a batch of one image nothing is apart from anything.
  return tf.div(lengths, tf.maximum(mean, LEAST_SQUARE));
}

/** Cosines of e_j − e_i and e_k − e_i for all i, j, k, [B, B, B]. */
function angles(tf: Tf, apart: Cube): Cube {
  const unit = tf.mul<Cube>(apart, tf.rsqrt(tf.add(tf.sum(tf.square(apart), 2, true), TINY)));
  return tf.matMul(unit, unit, false, true);
}

/** Mean of Huber's loss with δ = 1. */
function huber(tf: Tf, student: tensorflow.Tensor, teacher: tensorflow.Tensor): Scalar {
  const off = tf.abs(tf.sub(student, teacher));
  const near = tf.minimum(off, 1);
  // off²/2 below 1, off − ½ above.
  return tf.mean(tf.mul(near, tf.sub(off, tf.div(near, 2))));
}

export type RelationWeights = { readonly distance: number; readonly angle: number };

/** w_d · huber of distances + w_a · huber of angles, embeddings [B, D] of any two sizes. */
export function relationalDistillation(
  tf: Tf,
  student: Matrix,
  teacher: Matrix,
  { distance, angle }: RelationWeights,
): Scalar {
  const [s, t] = [differences(tf, student), differences(tf, teacher)];
  const ofDistances = huber(tf, distances(tf, s), distances(tf, t));
  const ofAngles = huber(tf, angles(tf, s), angles(tf, t));
  return tf.add(tf.mul(ofDistances, distance), tf.mul(ofAngles, angle));
}

/**
 * Relational knowledge distillation (Park et al., CVPR 2019; RKD-DA) with RepDistiller's weights: 25
 * times distances and 50 times angles, whose weight in the sum is 1.
 */
export const rkd = defineDistiller({
  name: 'rkd',
  paper: 'arXiv:1904.05068',
  weight: 1,
  options: z.strictObject({
    distance: z.number().min(0).default(25).describe('Weight of distances between two images.'),
    angle: z.number().min(0).default(50).describe('Weight of angles between three images.'),
  }),
  reads: { teacher: 'features' },
  refuses: missingEmbedding,
  build: ({ tf }, weights) => ({
    loss: (step) => relationalDistillation(tf, ...embeddings(step), weights),
  }),
});
