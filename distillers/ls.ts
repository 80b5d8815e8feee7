import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { crossEntropy } from './ce.ts';
import { defineDistiller, type Tf } from './contract.ts';

/** Cross-entropy with the target (1 − ε)·onehot + ε/C, labels and logits [B, C]. */
export function labelSmoothing(
  tf: Tf,
  labels: tensorflow.Tensor2D,
  logits: tensorflow.Tensor2D,
  smoothing: number,
): tensorflow.Scalar {
  const classes = labels.shape[1];
  const targets = tf.add<tensorflow.Tensor2D>(tf.mul(labels, 1 - smoothing), smoothing / classes);
  return crossEntropy(tf, targets, logits);
}

/** Label smoothing (Szegedy et al., CVPR 2016, §7), instead of cross-entropy. */
export const ls = defineDistiller({
  name: 'ls',
  paper: 'arXiv:1512.00567',
  weight: 1,
  options: z.strictObject({
    smoothing: z.number().min(0).max(1).default(0.1).describe('ε: mass spread over all classes.'),
  }),
  reads: {},
  build: ({ tf }, { smoothing }) => ({
    loss: ({ labels, student }) => labelSmoothing(tf, labels, student.logits, smoothing),
  }),
});
