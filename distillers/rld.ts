import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught, type Site } from './contract.ts';
import {
  binaryDivergence,
  chances,
  divergence,
  hide,
  softened,
  tooFewClasses,
  warmedUp,
} from './logits.ts';

type Matrix = tensorflow.Tensor2D;

export type RefiningOptions = {
  readonly alpha: number;
  readonly beta: number;
  readonly temperature: number;
};

/** mean_b(α·SCD + β·T²·MCD), logits and one-hot labels [B, C]. */
export function refinedDistillation(
  { tf, withoutGradient }: Pick<Site, 'tf' | 'withoutGradient'>,
  labels: Matrix,
  [student, teacher]: readonly [student: Matrix, teacher: Matrix],
  { alpha, beta, temperature }: RefiningOptions,
): tensorflow.Scalar {
  const { favourite, masked, counts } = withoutGradient(() => {
    const classes = labels.shape[1];
    const right = tf.sum(tf.mul(teacher, labels), 1, true);
    const kept: Matrix = tf.cast(tf.less(teacher, right), 'float32');
    return {
      favourite: tf.oneHot(tf.argMax(teacher, 1), classes, 1, 0, 'float32') as Matrix,
      masked: tf.sub<Matrix>(1, kept),
      counts: tf.max<tensorflow.Tensor1D>(kept, 1),
    };
  });
  const confidence = binaryDivergence(
    tf,
    chances(tf, teacher, favourite, 1),
    chances(tf, student, labels, 1),
  );
  const below = (logits: Matrix): Matrix =>
    softened(tf, hide(tf, tf.div(logits, temperature), masked), 1);
  // Where the teacher puts no class below the right one, all are hidden and nothing is compared.
  const ranks = tf.mul(divergence(tf, below(teacher), below(student)), counts);
  const perImage = tf.add(tf.mul(confidence, alpha), tf.mul(ranks, beta * temperature ** 2));
  return tf.mean<tensorflow.Scalar>(perImage);
}

/**
 * Refined logit distillation (Sun et al., 2024): the student takes the teacher's confidence, whichever
 * class that is in, for the right class (SCD), and its judgement of the classes that it puts below the
 * right one (MCD). Beside it a study puts cross-entropy of weight 1. Probabilities are held above
 * 10⁻⁸, where the reference is infinite on saturated logits.
 */
export const rld = defineDistiller({
  name: 'rld',
  paper: 'arXiv:2408.07703',
  weight: 1,
  options: z.strictObject({
    alpha: z.number().min(0).default(1).describe('Weight of the confidence.'),
    beta: z.number().min(0).default(8).describe('Weight of the classes below the right one.'),
    temperature: z.number().positive().default(4).describe('T among those classes.'),
    warmUpEpochs: z.int().min(0).default(20).describe('Published epochs until the full weight.'),
  }),
  reads: { teacher: 'logits' },
  refuses: tooFewClasses,
  share: ({ publishedEpoch }, { warmUpEpochs }) => warmedUp(publishedEpoch, warmUpEpochs),
  build: (site, options) => ({
    loss: (step) =>
      refinedDistillation(site, step.labels, [step.student.logits, taught(step).logits], options),
  }),
});
