/** Parts of the losses that compare logits. */
import type { tf as tensorflow } from '../learning/engine/backend.ts';
import type { Pair, Tf } from './contract.ts';

type Matrix = tensorflow.Tensor2D;
type Vector = tensorflow.Tensor1D;

/** Takes a class out of a softmax: far below any logit, and small enough to stay finite. */
const HIDDEN = -1e4;
/** Probabilities below it count as it, so that no logarithm is infinite. */
const LEAST_PROBABILITY = 1e-8;

/** A constant, or one that is trained. */
export type Temperature = number | tensorflow.Scalar;

/** ln softmax(z/T), [B, C]. */
export function softened(tf: Tf, logits: Matrix, temperature: Temperature): Matrix {
  return tf.logSoftmax<Matrix>(tf.div(logits, temperature));
}

/** KL(wanted ‖ own) of every image, [B], from logarithms of probabilities [B, C]. */
export function divergence(tf: Tf, wanted: Matrix, own: Matrix): Vector {
  return tf.sum<Vector>(tf.mul(tf.exp(wanted), tf.sub(wanted, own)), 1);
}

/** Logits in which classes with a mask of 1 have no probability left. @param mask of 0 and 1 */
export function hide(tf: Tf, logits: Matrix, mask: Matrix): Matrix {
  return tf.add(logits, tf.mul(mask, HIDDEN));
}

/** ln of probabilities, finite for those that are zero; these get no gradient. */
export function safeLog<T extends tensorflow.Tensor>(tf: Tf, probabilities: T): T {
  return tf.log(tf.maximum<T>(probabilities, LEAST_PROBABILITY));
}

/** Chances of something and of its contrary, [B] each. */
export type Chances = readonly [of: Vector, against: Vector];

/** Chance of the class that `chosen` marks, and of all others. The others are summed: 1 − p would lose their digits. */
export function chances(tf: Tf, logits: Matrix, chosen: Matrix, temperature: Temperature): Chances {
  const p = tf.softmax<Matrix>(tf.div(logits, temperature));
  return [tf.sum<Vector>(tf.mul(p, chosen), 1), tf.sum<Vector>(tf.mul(p, tf.sub(1, chosen)), 1)];
}

/** KL of two chances each, [B]. */
export function binaryDivergence(tf: Tf, wanted: Chances, own: Chances): Vector {
  const parts = wanted.map((q, index) =>
    tf.mul<Vector>(q, tf.sub(safeLog(tf, q), safeLog(tf, own[index] as Vector))),
  ) as [Vector, Vector];
  return tf.add(...parts);
}

/** (z − mean)/(10⁻⁷ + deviation) of every row; the deviation is Bessel-corrected. */
export function standardised(tf: Tf, logits: Matrix): Matrix {
  const centred = tf.sub<Matrix>(logits, tf.mean(logits, 1, true));
  const squares = tf.sum(tf.square(centred), 1, true);
  // The addend, far below what float32 sees beside it, keeps the gradient of equal logits finite.
  const deviation = tf.sqrt(tf.add(tf.div(squares, logits.shape[1] - 1), 1e-24));
  return tf.div(centred, tf.add(deviation, 1e-7));
}

/** Why a method that tells the other classes apart cannot work with two of them. */
export function tooFewClasses({ classes }: Pair): string | undefined {
  if (classes > 2) return undefined;
  return `there are ${classes} classes, and it compares what lies beside the right one; allowed: 3 or more`;
}

/** Linear warm-up as in mdistiller: ê/n in published epoch ê, 1 from epoch n on. */
export function warmedUp(publishedEpoch: number, epochs: number): number {
  return epochs === 0 ? 1 : Math.min(1, publishedEpoch / epochs);
}
