import { tf } from '../engine/backend.ts';
import { teacherOf, type Distiller } from './distiller.ts';

const DEFAULT_TEMPERATURE = 4;

/**
 * Knowledge distillation (Hinton et al., 2015, §2; arXiv:1503.02531):
 * T² · mean_b KL(softmax(z_t/T) ‖ softmax(z_s/T)), logits [B, C].
 */
export function distillation(
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  temperature: number,
): tf.Scalar {
  const soften = (logits: tf.Tensor2D): tf.Tensor2D =>
    tf.logSoftmax<tf.Tensor2D>(tf.div(logits, temperature));
  const wanted = soften(teacher);
  const perImage = tf.sum(tf.mul(tf.exp(wanted), tf.sub(wanted, soften(student))), 1);
  return tf.mul(tf.mean<tf.Scalar>(perImage), temperature ** 2);
}

export function distillationTerm({ temperature = DEFAULT_TEMPERATURE }): Distiller {
  return {
    name: 'kd',
    needs: 'logits',
    loss: (context) => {
      const { logits } = teacherOf('kd', context);
      return distillation(context.student.logits, logits, temperature);
    },
  };
}
