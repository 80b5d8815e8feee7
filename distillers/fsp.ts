import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught, type Pair, type Tf } from './contract.ts';
import { mapText, missingMaps } from './maps.ts';
import { averaged, leadsToMaps } from './pairs.ts';

type Map4 = tensorflow.Tensor4D;
type Scalar = tensorflow.Scalar;

/** Products of all channels of one map with all of the next, mean over pixels, [B, C, D]. */
function flow(tf: Tf, from: Map4, to: Map4): tensorflow.Tensor3D {
  const size = Math.min(from.shape[1], to.shape[1]);
  const [a, b] = [from, to].map((map) => {
    const [batch, , , channels] = map.shape;
    return tf.reshape(averaged(tf, map, size), [batch, size ** 2, channels]);
  }) as [tensorflow.Tensor3D, tensorflow.Tensor3D];
  return tf.div(tf.matMul(a, b, true, false), size ** 2);
}

/** Σ over neighbours of mean((G_s − G_t)²), as far as both lists of maps go. */
export function flowDistance(tf: Tf, student: readonly Map4[], teacher: readonly Map4[]): Scalar {
  const count = Math.min(student.length, teacher.length) - 1;
  const losses = Array.from({ length: count }, (_, index) => {
    const [s, t] = [student, teacher].map((maps) =>
      flow(tf, maps[index] as Map4, maps[index + 1] as Map4),
    ) as [tensorflow.Tensor3D, tensorflow.Tensor3D];
    return tf.mean<Scalar>(tf.square(tf.sub(s, t)));
  });
  return tf.addN<Scalar>(losses);
}

function refusal(pair: Pair): string | undefined {
  const missing = missingMaps(pair);
  if (missing !== undefined) return missing;
  const { maps } = pair.teacher;
  const odd = pair.student.maps.find(([, , channels], layer) => {
    return layer < maps.length && channels !== maps[layer]?.[2];
  });
  if (odd === undefined) return undefined;
  const layer = pair.student.maps.indexOf(odd);
  const [found, wanted] = [odd, maps[layer] ?? odd].map(mapText);
  return `f${layer} is ${found} of the student and ${wanted} of the teacher; allowed: as many channels`;
}

/**
 * A gift from knowledge distillation (Yim et al., CVPR 2017; the FSP matrix) in RepDistiller's form:
 * flow of solution procedure (FSP), the products of neighbouring maps. The student's features are
 * trained for it first, for 30 of 270 published epochs and at the first learning rate; cross-entropy
 * alone follows. RepDistiller's weight of 50 is used nowhere in its code.
 */
export const fsp = defineDistiller({
  name: 'fsp',
  paper: 'doi:10.1109/CVPR.2017.754',
  weight: 1,
  options: z.strictObject({
    epochs: z.int().min(1).default(30).describe('Published epochs before those of the training.'),
  }),
  reads: { teacher: 'features' },
  refuses: refusal,
  epochsBefore: ({ epochs }) => epochs,
  build: ({ tf }) => ({
    before: {
      isWeighed: true,
      trains: leadsToMaps,
      loss: (step) => flowDistance(tf, step.student.maps, taught(step).maps),
    },
    loss: () => tf.scalar(0),
  }),
});
