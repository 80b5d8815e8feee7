import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught, type Tf } from './contract.ts';

/** T² · mean_b KL(softmax(z_t/T) ‖ softmax(z_s/T)), logits [B, C]. */
export function distillation(
  tf: Tf,
  student: tensorflow.Tensor2D,
  teacher: tensorflow.Tensor2D,
  temperature: number,
): tensorflow.Scalar {
  const soften = (logits: tensorflow.Tensor2D): tensorflow.Tensor2D =>
    tf.logSoftmax<tensorflow.Tensor2D>(tf.div(logits, temperature));
  const wanted = soften(teacher);
  const perImage = tf.sum(tf.mul(tf.exp(wanted), tf.sub(wanted, soften(student))), 1);
  return tf.mul(tf.mean<tensorflow.Scalar>(perImage), temperature ** 2);
}

/**
 * Knowledge distillation (Hinton et al., 2015, §2). The published weights are 0.9, beside 0.1 of
 * cross-entropy.
 */
export const kd = defineDistiller({
  name: 'kd',
  paper: 'arXiv:1503.02531',
  weight: 0.9,
  options: z.strictObject({
    temperature: z.number().positive().default(4).describe('T: softens both networks.'),
  }),
  reads: { teacher: 'logits' },
  build: ({ tf }, { temperature }) => ({
    loss: (step) => distillation(tf, step.student.logits, taught(step).logits, temperature),
  }),
});
