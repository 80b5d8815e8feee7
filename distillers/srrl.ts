import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught } from './contract.ts';
import { embeddings, missingEmbedding } from './embeddings.ts';

type Matrix = tensorflow.Tensor2D;

/**
 * Softmax regression representation learning (Yang et al., ICLR 2021; feature matching, and softmax
 * regression by L2) in the form of SimKD's toolbox: mean((g(f_s) − f_t)²) + mean((W_t g(f_s) − z_t)²),
 * where g is a 1 × 1 convolution, batch norm and ReLU on the embedding, and W_t the teacher's
 * classifier. Beside it a study puts cross-entropy of weight 1, and KD of weight 1.
 */
export const srrl = defineDistiller({
  name: 'srrl',
  paper: 'https://openreview.net/forum?id=ZzwDy_wiWv',
  weight: 1,
  options: z.strictObject({}),
  reads: { teacher: 'features' },
  refuses: missingEmbedding,
  build: ({ tf, layers, student, teacher }) => {
    const outputs = teacher.embedding ?? 0;
    const transfer = layers.convolutionNorm({
      ...{ name: 'transfer', inputs: student.embedding ?? 0, outputs },
      ...{ kernelSize: 1, size: 1, bias: false },
    }).rectified;
    return {
      loss: (step) => {
        const [own, wanted] = embeddings(step);
        const [batch, inputs] = own.shape;
        const moved = tf.reshape<tensorflow.Rank.R2>(
          transfer(tf.reshape(own, [batch, 1, 1, inputs])),
          [batch, outputs],
        );
        const { logits, classify } = taught(step);
        const answer = (classify as (embedded: Matrix) => Matrix)(moved);
        return tf.add<tensorflow.Scalar>(
          tf.mean(tf.square(tf.sub(moved, wanted))),
          tf.mean(tf.square(tf.sub(answer, logits))),
        );
      },
    };
  },
});
