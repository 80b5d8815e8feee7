import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, type Tf } from './contract.ts';

/** −mean_b Σ_k target_k · ln softmax(z)_k for targets that sum to one, [B, C] each. */
export function crossEntropy(
  tf: Tf,
  targets: tensorflow.Tensor2D,
  logits: tensorflow.Tensor2D,
): tensorflow.Scalar {
  const perImage = tf.sum(tf.mul(targets, tf.logSoftmax(logits)), 1);
  return tf.neg(tf.mean<tensorflow.Scalar>(perImage));
}

/** Cross-entropy with the labels. */
export const ce = defineDistiller({
  name: 'ce',
  paper: 'the common loss of classification',
  weight: 1,
  options: z.strictObject({}),
  reads: {},
  build: ({ tf }) => ({ loss: ({ labels, student }) => crossEntropy(tf, labels, student.logits) }),
});
