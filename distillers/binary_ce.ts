import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, type Tf } from './contract.ts';

/**
 * mean_b Σ_k BCE_k, each class's logit [B, C] being the log-odds of its own two-way head: the positive
 * class weighs C − 1, as much as all negative ones together. Every head's target is smoothed over its
 * two answers: (1 − ε)·1[y = k] + ε/2.
 */
export function binaryCrossEntropy(
  tf: Tf,
  labels: tensorflow.Tensor2D,
  logits: tensorflow.Tensor2D,
  smoothing: number,
): tensorflow.Scalar {
  const targets = tf.add(tf.mul(labels, 1 - smoothing), smoothing / 2);
  // −ln σ(u) = softplus(−u), which does not overflow.
  const inFavour = tf.mul(tf.mul(targets, tf.softplus(tf.neg(logits))), labels.shape[1] - 1);
  const against = tf.mul(tf.sub(1, targets), tf.softplus(logits));
  return tf.mean<tensorflow.Scalar>(tf.sum(tf.add(inFavour, against), 1));
}

/**
 * The loss of an explainer whose heads each decide on one class: the reading of the paper's text and
 * figure (its public code trains one softmax over all heads). The weights are our reconstruction.
 */
export const binary_ce = defineDistiller({
  name: 'binary_ce',
  paper: 'arXiv:2105.04181',
  weight: 1,
  options: z.strictObject({
    smoothing: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe('ε: mass spread over both answers of a head.'),
  }),
  reads: {},
  build: ({ tf }, { smoothing }) => ({
    loss: ({ labels, student }) => binaryCrossEntropy(tf, labels, student.logits, smoothing),
  }),
});
