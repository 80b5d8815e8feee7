import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught, type Tf } from './contract.ts';
import { missingMaps } from './maps.ts';
import { normaliseRows } from './rows.ts';

/** G: similarities of all pairs of images, rows normalised, [B, B]. */
function similarities(tf: Tf, map: tensorflow.Tensor): tensorflow.Tensor2D {
  const flat = tf.reshape<tensorflow.Rank.R2>(map, [map.shape[0], -1]);
  return normaliseRows(tf, tf.matMul(flat, flat, false, true));
}

/** Σ (G_s − G_t)² / B², on maps of any two shapes with the same images. */
export function similarityPreservation(
  tf: Tf,
  student: tensorflow.Tensor,
  teacher: tensorflow.Tensor,
): tensorflow.Scalar {
  return tf.mean(tf.square(tf.sub(similarities(tf, student), similarities(tf, teacher))));
}

/** Similarity preservation (Tung & Mori, ICCV 2019, eq. 4), on each network's own last map. */
export const sp = defineDistiller({
  name: 'sp',
  paper: 'arXiv:1907.09682',
  weight: 3000,
  options: z.strictObject({}),
  reads: { teacher: 'features' },
  refuses: missingMaps,
  build: ({ tf }) => ({
    loss: (step) => {
      const student = step.student.maps.at(-1) as tensorflow.Tensor4D;
      const teacher = taught(step).maps.at(-1) as tensorflow.Tensor4D;
      return similarityPreservation(tf, student, teacher);
    },
  }),
});
