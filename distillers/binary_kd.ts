import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught, type Tf } from './contract.ts';

/** Where a probability of the teacher is cut off before its logarithm. */
const LEAST = 1e-8;

/**
 * T² · mean_b mean_k KL([q_k, 1 − q_k] ‖ [σ(u_k/T), σ(−u_k/T)]), with q = softmax(z_t/T) of the teacher
 * and u the log-odds of the student's two-way heads, both [B, C].
 */
export function binaryDistillation(
  tf: Tf,
  student: tensorflow.Tensor2D,
  teacher: tensorflow.Tensor2D,
  temperature: number,
): tensorflow.Scalar {
  const q = tf.softmax<tensorflow.Tensor2D>(tf.div(teacher, temperature));
  const p = tf.sub(1, q);
  const logarithm = (x: tensorflow.Tensor): tensorflow.Tensor => tf.log(tf.maximum(x, LEAST));
  const odds = tf.div(student, temperature);
  // −ln σ(u) = softplus(−u).
  const inFavour = tf.mul(q, tf.add(logarithm(q), tf.softplus(tf.neg(odds))));
  const against = tf.mul(p, tf.add(logarithm(p), tf.softplus(odds)));
  return tf.mul(tf.mean<tensorflow.Scalar>(tf.add(inFavour, against)), temperature ** 2);
}

/**
 * Distillation into an explainer whose heads each decide on one class: every head learns how likely the
 * teacher holds its class to be. Our reconstruction of the reading of the paper's text.
 */
export const binary_kd = defineDistiller({
  name: 'binary_kd',
  paper: 'arXiv:2105.04181',
  weight: 0.9,
  options: z.strictObject({
    temperature: z.number().positive().default(4).describe('T: softens both networks.'),
  }),
  reads: { teacher: 'logits' },
  build: ({ tf }, { temperature }) => ({
    loss: (step) => binaryDistillation(tf, step.student.logits, taught(step).logits, temperature),
  }),
});
