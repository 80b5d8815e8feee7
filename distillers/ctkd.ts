import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught, type Site, type Step } from './contract.ts';
import { decoupledDistillation } from './dkd.ts';
import { divergence, softened } from './logits.ts';

type Scalar = tensorflow.Scalar;

/** T = 1 + 20 · sigmoid(θ). */
const LEAST_TEMPERATURE = 1;
const TEMPERATURE_SPAN = 20;
/** Published epochs over which the student's adversary comes to its full strength. */
const CURRICULUM_EPOCHS = 10;

/** λ: factor of θ's gradient, from 0 to −1 by half a cosine. */
export function curriculum(publishedEpoch: number): number {
  const done = Math.min(publishedEpoch, CURRICULUM_EPOCHS) / CURRICULUM_EPOCHS;
  return (Math.cos(Math.PI * done) - 1) / 2;
}

/** A temperature that is trained to raise the loss that the student lowers. */
function createTemperature({
  tf,
  withoutGradient,
  parameter,
  scalar,
}: Site): (step: Step) => Scalar {
  const theta = parameter('theta', [], { kind: 'constant', value: 1 });
  const factor = scalar('factor', ({ publishedEpoch }) => curriculum(publishedEpoch));
  return (step) => {
    const by = factor(step);
    // θ itself, with λ times its gradient.
    const rest = withoutGradient(() => tf.mul(theta, tf.sub(1, by)));
    const reversed = tf.add(tf.mul(theta, by), rest);
    return tf.add(tf.mul(tf.sigmoid(reversed), TEMPERATURE_SPAN), LEAST_TEMPERATURE);
  };
}

/**
 * Curriculum temperature (Li et al., AAAI 2023), with one temperature for all images: KD whose
 * temperature is trained against the student, gently at first. Beside it a study puts 0.1 of
 * cross-entropy, or 1 beside `dkd`, whose published weight is 1.
 */
export const ctkd = defineDistiller({
  name: 'ctkd',
  paper: 'arXiv:2211.16231',
  weight: 0.9,
  options: z.strictObject({
    base: z.enum(['kd', 'dkd']).default('kd').describe('The loss whose temperature is trained.'),
    alpha: z.number().min(0).default(1).describe('Of dkd: weight of the target class.'),
    beta: z.number().min(0).default(8).describe('Of dkd: weight of the other classes.'),
  }),
  reads: { teacher: 'logits' },
  refuses: ({ classes }, { base }) =>
    base === 'kd' || classes > 2
      ? undefined
      : `there are ${classes} classes, and dkd compares what lies beside the right one; allowed: 3 or more`,
  build: (site, { base, alpha, beta }) => {
    const { tf } = site;
    const temperatureAt = createTemperature(site);
    return {
      loss: (step) => {
        const temperature = temperatureAt(step);
        const [student, teacher] = [step.student.logits, taught(step).logits];
        if (base === 'dkd') {
          const options = { alpha, beta, temperature };
          return tf.mean(decoupledDistillation(tf, step.labels, [student, teacher], options));
        }
        const [own, wanted] = [student, teacher].map((z) => softened(tf, z, temperature)) as [
          tensorflow.Tensor2D,
          tensorflow.Tensor2D,
        ];
        const mean = tf.mean<Scalar>(divergence(tf, wanted, own));
        return tf.mul(mean, tf.square(temperature));
      },
    };
  },
});
