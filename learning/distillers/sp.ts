import { tf } from '../engine/backend.ts';
import { stagePairs, type Distiller } from './distiller.ts';
import { normaliseRows } from './rows.ts';

/** G: similarities of all pairs of images, rows normalised, [B, B]. */
function similarities(map: tf.Tensor): tf.Tensor2D {
  const flat = tf.reshape<tf.Rank.R2>(map, [map.shape[0], -1]);
  return normaliseRows(tf.matMul(flat, flat, false, true));
}

/**
 * Similarity preservation (Tung & Mori, ICCV 2019, eq. 4; arXiv:1907.09682):
 * Σ (G_s − G_t)² / B², on maps of any two shapes with the same images.
 */
export function similarityPreservation(student: tf.Tensor, teacher: tf.Tensor): tf.Scalar {
  return tf.mean(tf.square(tf.sub(similarities(student), similarities(teacher))));
}

/** On the maps at the end of the last stage. */
export function similarityPreservationTerm(): Distiller {
  return {
    name: 'sp',
    needs: 'features',
    loss: (context) => {
      const [student, teacher] = stagePairs('sp', context).at(-1) as [tf.Tensor4D, tf.Tensor4D];
      return similarityPreservation(student, teacher);
    },
  };
}
