import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught, type Tf } from './contract.ts';
import { hide, softened, tooFewClasses } from './logits.ts';

type Matrix = tensorflow.Tensor2D;

export type NormalisedOptions = { readonly gamma: number; readonly temperature: number };

/** mean_b[−p_t[y] ln p_s[y]] − γT² · mean_b Σ_{i≠y} p̃_t ln p̃_s, logits and one-hot labels [B, C]. */
export function normalisedDistillation(
  tf: Tf,
  labels: Matrix,
  [student, teacher]: readonly [student: Matrix, teacher: Matrix],
  { gamma, temperature }: NormalisedOptions,
): tensorflow.Scalar {
  const confidence = tf.mul(labels, tf.softmax(teacher));
  const target = tf.sum(tf.mul(confidence, softened(tf, student, 1)), 1);
  const others = (logits: Matrix): Matrix =>
    softened(tf, hide(tf, tf.div(logits, temperature), labels), 1);
  const rest = tf.sum(
    tf.mul(tf.exp(others(teacher)), tf.mul(others(student), tf.sub(1, labels))),
    1,
  );
  const perImage = tf.add(target, tf.mul(rest, gamma * temperature ** 2));
  return tf.neg(tf.mean<tensorflow.Scalar>(perImage));
}

/**
 * Normalised KD (Yang et al., ICCV 2023, NKD): the teacher's confidence in the right class at
 * temperature 1, and cross-entropy among the other classes, normalised to one on both sides. Beside it
 * a study puts cross-entropy of weight 1.
 */
export const nkd = defineDistiller({
  name: 'nkd',
  paper: 'arXiv:2303.13005',
  weight: 1,
  options: z.strictObject({
    gamma: z.number().min(0).default(1.5).describe('Weight of the classes beside the right one.'),
    temperature: z.number().positive().default(1).describe('T of those classes.'),
  }),
  reads: { teacher: 'logits' },
  refuses: tooFewClasses,
  build: ({ tf }, options) => ({
    loss: (step) =>
      normalisedDistillation(tf, step.labels, [step.student.logits, taught(step).logits], options),
  }),
});
