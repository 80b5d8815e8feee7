import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught } from './contract.ts';
import { softened } from './logits.ts';
import { transformedDivergence } from './ttm.ts';

/**
 * Weighted transformed teacher matching (Zheng & Yang, ICLR 2024): as `ttm`, and an image counts by
 * Σ p_t^g, the more the less certain its teacher is. Beside it a study puts cross-entropy of weight 1.
 * Weight and g are those of the only example of it that the reference gives, VGG13 with VGG8 and CRD
 * beside it, for a hundred classes; it tunes both by pair.
 */
export const wttm = defineDistiller({
  name: 'wttm',
  paper: 'arXiv:2402.11148',
  weight: 4,
  options: z.strictObject({
    exponent: z.number().positive().default(0.2).describe('g: power of the teacher’s chances.'),
  }),
  reads: { teacher: 'logits' },
  build: ({ tf }, { exponent }) => ({
    loss: (step) => {
      const teacher = taught(step).logits;
      const powers = tf.exp(tf.mul(softened(tf, teacher, 1), exponent));
      const perImage = transformedDivergence(tf, step.student.logits, teacher, exponent);
      return tf.mean<tensorflow.Scalar>(tf.mul(tf.sum(powers, 1), perImage));
    },
  }),
});
