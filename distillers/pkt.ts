import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, type Tf } from './contract.ts';
import { embeddings, missingEmbedding } from './embeddings.ts';
import { normaliseRows } from './rows.ts';

type Matrix = tensorflow.Tensor2D;

/** Keeps logarithms finite. */
const EPSILON = 1e-7;

/** P: (cosine + 1)/2 of all pairs of images, rows normalised to one, [B, B]. */
function neighbourhood(tf: Tf, embedded: Matrix): Matrix {
  const rows = normaliseRows(tf, embedded);
  const nearness = tf.div<Matrix>(tf.add(tf.matMul(rows, rows, false, true), 1), 2);
  return tf.div(nearness, tf.sum(nearness, 1, true));
}

/** Mean over B × B of P_t · ln((P_t + ε)/(P_s + ε)), embeddings [B, D] of any two sizes. */
export function probabilisticTransfer(tf: Tf, student: Matrix, teacher: Matrix): tensorflow.Scalar {
  const [s, t] = [neighbourhood(tf, student), neighbourhood(tf, teacher)];
  return tf.mean(tf.mul(t, tf.log(tf.div(tf.add(t, EPSILON), tf.add(s, EPSILON)))));
}

/**
 * Probabilistic knowledge transfer (Passalis & Tefas, ECCV 2018; with the cosine kernel) in
 * RepDistiller's form: the mean over the matrix, where the paper sums, and an image is its own
 * neighbour too.
 */
export const pkt = defineDistiller({
  name: 'pkt',
  paper: 'arXiv:1803.10837',
  weight: 30_000,
  options: z.strictObject({}),
  reads: { teacher: 'features' },
  refuses: missingEmbedding,
  build: ({ tf }) => ({ loss: (step) => probabilisticTransfer(tf, ...embeddings(step)) }),
});
