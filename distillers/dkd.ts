import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught, type Tf } from './contract.ts';
import {
  binaryDivergence,
  chances,
  divergence,
  hide,
  softened,
  standardised,
  tooFewClasses,
  warmedUp,
  type Temperature,
} from './logits.ts';

type Matrix = tensorflow.Tensor2D;

export type DecouplingOptions = {
  /** Weight of TCKD: whether the image is of its class or not. */
  readonly alpha: number;
  /** Weight of NCKD: how the other classes share the rest. */
  readonly beta: number;
  readonly temperature: Temperature;
};

/** T²(α·TCKD + β·NCKD) of every image, [B], from logits and one-hot labels [B, C]. */
export function decoupledDistillation(
  tf: Tf,
  labels: Matrix,
  [student, teacher]: readonly [student: Matrix, teacher: Matrix],
  { alpha, beta, temperature }: DecouplingOptions,
): tensorflow.Tensor1D {
  const target = binaryDivergence(
    tf,
    chances(tf, teacher, labels, temperature),
    chances(tf, student, labels, temperature),
  );
  const others = (logits: Matrix): Matrix => hide(tf, tf.div(logits, temperature), labels);
  const rest = divergence(tf, softened(tf, others(teacher), 1), softened(tf, others(student), 1));
  const sum = tf.add<tensorflow.Tensor1D>(tf.mul(target, alpha), tf.mul(rest, beta));
  return tf.mul(sum, tf.square(temperature));
}

/**
 * Decoupled knowledge distillation (Zhao et al., CVPR 2022; DKD = α·TCKD + β·NCKD) as mdistiller does
 * it. Beside it a study puts cross-entropy of weight 1. Probabilities are held above 10⁻⁸, where the
 * reference is infinite on saturated logits; and the share of the epoch is that of the published run.
 */
export const dkd = defineDistiller({
  name: 'dkd',
  paper: 'arXiv:2203.08679',
  weight: 1,
  options: z.strictObject({
    alpha: z.number().min(0).default(1).describe('Weight of the target class against all others.'),
    beta: z.number().min(0).default(8).describe('Weight of the other classes among themselves.'),
    temperature: z.number().positive().default(4).describe('T: softens both networks.'),
    standardise: z
      .boolean()
      .default(false)
      .describe('Standardises logits first, as lskd does (then the published T is 2).'),
    warmUpEpochs: z.int().min(0).default(20).describe('Published epochs until the full weight.'),
  }),
  reads: { teacher: 'logits' },
  refuses: tooFewClasses,
  share: ({ publishedEpoch }, { warmUpEpochs }) => warmedUp(publishedEpoch, warmUpEpochs),
  build: ({ tf }, { standardise, ...options }) => ({
    loss: (step) => {
      const read = (logits: Matrix): Matrix => (standardise ? standardised(tf, logits) : logits);
      const logits = [read(step.student.logits), read(taught(step).logits)] as const;
      return tf.mean(decoupledDistillation(tf, step.labels, logits, options));
    },
  }),
});
