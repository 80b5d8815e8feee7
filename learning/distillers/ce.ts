import { tf } from '../engine/backend.ts';
import type { Distiller } from './distiller.ts';

/** −mean_b Σ_k target_k · ln softmax(z)_k for targets that sum to one, [B, C] each. */
export function crossEntropy(targets: tf.Tensor2D, logits: tf.Tensor2D): tf.Scalar {
  const perImage = tf.sum(tf.mul(targets, tf.logSoftmax(logits)), 1);
  return tf.neg(tf.mean<tf.Scalar>(perImage));
}

/** Cross-entropy with the labels. */
export function crossEntropyTerm(): Distiller {
  return {
    name: 'ce',
    needs: 'targets',
    loss: ({ labels, student }) => crossEntropy(labels, student.logits),
  };
}
