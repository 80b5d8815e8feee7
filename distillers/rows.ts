import type { tf as tensorflow } from '../learning/engine/backend.ts';
import type { Tf } from './contract.ts';

/** Far below any norm that matters, and keeps the gradient of a zero row finite. */
const TINY = 1e-24;

/** Rows divided by their Euclidean norm, [n, d]. */
export function normaliseRows(tf: Tf, x: tensorflow.Tensor2D): tensorflow.Tensor2D {
  return tf.mul(x, tf.rsqrt(tf.add(tf.sum(tf.square(x), 1, true), TINY)));
}
