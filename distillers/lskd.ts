import { z } from 'zod';

import { defineDistiller, taught } from './contract.ts';
import { distillation } from './kd.ts';
import { standardised } from './logits.ts';

/**
 * Logit standardisation (Sun et al., CVPR 2024, algorithms 1 and 2): KD of logits whose rows have
 * mean 0 and deviation 1, so that the student is free in shift and scale. Beside it a study puts 0.1
 * of cross-entropy. Weight and T are those of most published pairs; resnet110 with resnet20 has 12
 * and 4, the pairs of VGG13 and WRN-40-2 with others 9 and 3.
 */
export const lskd = defineDistiller({
  name: 'lskd',
  paper: 'arXiv:2403.01427',
  weight: 9,
  options: z.strictObject({
    temperature: z.number().positive().default(2).describe('T: softens both, once standardised.'),
  }),
  reads: { teacher: 'logits' },
  refuses: ({ classes }) =>
    classes > 2
      ? undefined
      : `there are ${classes} classes, and two standardised logits are ±0.71 whatever they were; allowed: 3 or more`,
  build: ({ tf }, { temperature }) => ({
    loss: (step) =>
      distillation(
        tf,
        standardised(tf, step.student.logits),
        standardised(tf, taught(step).logits),
        temperature,
      ),
  }),
});
