import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught, type Tf } from './contract.ts';
import { divergence, softened } from './logits.ts';

/** KL(p_t^g / Σ p_t^g ‖ p_s) of every image, [B], with the student at temperature 1. */
export function transformedDivergence(
  tf: Tf,
  student: tensorflow.Tensor2D,
  teacher: tensorflow.Tensor2D,
  exponent: number,
): tensorflow.Tensor1D {
  // A power of a softmax, normalised again, is the softmax at another temperature.
  return divergence(tf, softened(tf, teacher, 1 / exponent), softened(tf, student, 1));
}

/**
 * Transformed teacher matching (Zheng & Yang, ICLR 2024): the teacher alone is softened, by the power
 * g of its probabilities. Beside it a study puts cross-entropy of weight 1. Weight and g are those
 * that the reference gives for VGG13 with VGG8; it tunes both by pair.
 */
export const ttm = defineDistiller({
  name: 'ttm',
  paper: 'arXiv:2402.11148',
  weight: 45,
  options: z.strictObject({
    exponent: z.number().positive().default(0.1).describe('g: power of the teacher’s chances.'),
  }),
  reads: { teacher: 'logits' },
  build: ({ tf }, { exponent }) => ({
    loss: (step) =>
      tf.mean(transformedDivergence(tf, step.student.logits, taught(step).logits, exponent)),
  }),
});
