import { tf } from '../engine/backend.ts';

/** Far below any norm that matters, and keeps the gradient of a zero row finite. */
const TINY = 1e-24;

/** Rows divided by their Euclidean norm, [n, d]. */
export function normaliseRows(x: tf.Tensor2D): tf.Tensor2D {
  return tf.mul(x, tf.rsqrt(tf.add(tf.sum(tf.square(x), 1, true), TINY)));
}
