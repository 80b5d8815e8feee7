import { tf } from '../engine/backend.ts';
import { crossEntropy } from './ce.ts';
import type { Distiller } from './distiller.ts';

/** Mass that is spread over all classes where a study does not say otherwise. */
const DEFAULT_SMOOTHING = 0.1;

/**
 * Label smoothing (Szegedy et al., CVPR 2016, §7; arXiv:1512.00567): cross-entropy with the target
 * (1 − ε)·onehot + ε/C.
 */
export function labelSmoothing(
  labels: tf.Tensor2D,
  logits: tf.Tensor2D,
  smoothing: number,
): tf.Scalar {
  const classes = labels.shape[1];
  const targets = tf.add<tf.Tensor2D>(tf.mul(labels, 1 - smoothing), smoothing / classes);
  return crossEntropy(targets, logits);
}

export function labelSmoothingTerm({ smoothing = DEFAULT_SMOOTHING }): Distiller {
  return {
    name: 'ls',
    needs: 'targets',
    loss: ({ labels, student }) => labelSmoothing(labels, student.logits, smoothing),
  };
}
