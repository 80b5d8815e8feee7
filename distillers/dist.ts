import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught, type Tf } from './contract.ts';

type Matrix = tensorflow.Tensor2D;

/** Keeps the quotient finite where a row is constant. */
const EPSILON = 1e-8;
/** Far below any norm that matters, and keeps the gradient of a zero row finite. */
const TINY = 1e-24;

/** 1 − the mean over rows of Pearson's correlation. */
function disagreement(tf: Tf, student: Matrix, teacher: Matrix): tensorflow.Scalar {
  const centre = (x: Matrix): Matrix => tf.sub(x, tf.mean(x, 1, true));
  const norm = (x: Matrix) => tf.sqrt(tf.add(tf.sum(tf.square(x), 1), TINY));
  const [s, t] = [centre(student), centre(teacher)];
  const product = tf.sum(tf.mul(s, t), 1);
  const correlation = tf.div(product, tf.add(tf.mul(norm(s), norm(t)), EPSILON));
  return tf.sub<tensorflow.Scalar>(1, tf.mean(correlation));
}

export type RelationOptions = {
  /** Weight of the relation between the classes of an image. */
  readonly beta: number;
  /** Weight of the relation between the images of a class. */
  readonly gamma: number;
  readonly temperature: number;
};

/** τ² · [β(1 − mean_b ρ) + γ(1 − mean_c ρ)] of softmax(z/τ), logits [B, C]. */
export function relationalLoss(
  tf: Tf,
  student: Matrix,
  teacher: Matrix,
  { beta, gamma, temperature }: RelationOptions,
): tensorflow.Scalar {
  const soften = (logits: Matrix): Matrix => tf.softmax(tf.div(logits, temperature));
  const [s, t] = [soften(student), soften(teacher)];
  const inter = disagreement(tf, s, t);
  const intra = disagreement(tf, tf.transpose(s), tf.transpose(t));
  const sum = tf.add<tensorflow.Scalar>(tf.mul(inter, beta), tf.mul(intra, gamma));
  return tf.mul(sum, temperature ** 2);
}

/**
 * DIST (Huang et al., NeurIPS 2022; inter- and intra-class relations): the student is to correlate
 * with the teacher, not to equal it. Beside it a study puts cross-entropy of weight 1. In a batch of
 * one image no class has a variance; its correlation counts as 0.
 */
export const dist = defineDistiller({
  name: 'dist',
  paper: 'arXiv:2205.10536',
  weight: 2,
  options: z.strictObject({
    beta: z.number().min(0).default(1).describe('Weight of the relation between classes.'),
    gamma: z.number().min(0).default(1).describe('Weight of the relation between images.'),
    temperature: z.number().positive().default(4).describe('τ: 4 for CIFAR, 1 for ImageNet.'),
  }),
  reads: { teacher: 'logits' },
  build: ({ tf }, options) => ({
    loss: (step) => relationalLoss(tf, step.student.logits, taught(step).logits, options),
  }),
});
