import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught, type Site } from './contract.ts';
import { atOneSize, incomparableStages, stagePairs } from './pairs.ts';

type Map4 = tensorflow.Tensor4D;
type Scalar = tensorflow.Scalar;

/** Far below any norm that matters, and keeps the gradient of an empty channel finite. */
const TINY = 1e-24;

/**
 * mean K(t,t) + mean K(s,s) − 2 mean K(s,t) with K the squared product of two channels of one image,
 * each normalised over its pixels. Maps of one size, of any two numbers of channels.
 */
export function selectivityTransfer(
  { tf, withoutGradient }: Pick<Site, 'tf' | 'withoutGradient'>,
  student: Map4,
  teacher: Map4,
): Scalar {
  const channels = (map: Map4): tensorflow.Tensor3D => {
    const [batch, height, width, count] = map.shape;
    const flat = tf.reshape<tensorflow.Rank.R3>(map, [batch, height * width, count]);
    return tf.mul(flat, tf.rsqrt(tf.add(tf.sum(tf.square(flat), 1, true), TINY)));
  };
  const kernel = (a: tensorflow.Tensor3D, b: tensorflow.Tensor3D): Scalar =>
    tf.mean(tf.square(tf.matMul(a, b, true, false)));
  const [s, t] = [channels(student), channels(teacher)];
  const own = withoutGradient(() => kernel(t, t));
  return tf.sub(tf.add<Scalar>(own, kernel(s, s)), tf.mul(kernel(s, t), 2));
}

/**
 * Neuron selectivity transfer (Huang & Wang, 2017; squared MMD with the polynomial kernel of degree 2
 * and c = 0), summed over the stages as RepDistiller does.
 */
export const nst = defineDistiller({
  name: 'nst',
  paper: 'arXiv:1707.01219',
  weight: 50,
  options: z.strictObject({}),
  reads: { teacher: 'features' },
  refuses: incomparableStages,
  build: (site) => ({
    loss: (step) => {
      const pairs = stagePairs(step.student.maps, taught(step).maps);
      return site.tf.addN<Scalar>(
        pairs.map((maps) => selectivityTransfer(site, ...atOneSize(site.tf, maps))),
      );
    },
  }),
});
