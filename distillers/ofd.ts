import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import type { MapShape } from '../study/models/family.ts';
import { defineDistiller, taught, type Affine, type Pair, type Site, type Tf } from './contract.ts';
import { atOneSize, incomparableStages, stagePairs } from './pairs.ts';

type Map4 = tensorflow.Tensor4D;
type Scalar = tensorflow.Scalar;
type Rooms = Pick<Site, 'tf' | 'withoutGradient'>;

/** A channel that is negative less often than this has no mean of negatives worth the name. */
const LEAST_SHARE = 0.001;
/** Keeps a channel of no deviation from dividing by zero. */
const LEAST_DEVIATION = 1e-12;

/** E[x given x < 0] of every channel behind a batch norm, taken as normal, [C]. */
export function negativeMeans(tf: Tf, { gamma, beta }: Affine): tensorflow.Tensor {
  const deviation = tf.maximum(tf.abs(gamma), LEAST_DEVIATION);
  const ratio = tf.div(beta, deviation);
  const density = tf.div(tf.exp(tf.div(tf.square(ratio), -2)), Math.sqrt(2 * Math.PI));
  const share = tf.div(tf.sub(1, tf.erf(tf.div(ratio, Math.SQRT2))), 2);
  const mean = tf.sub(beta, tf.div(tf.mul(deviation, density), share));
  return tf.where(tf.greater(share, LEAST_SHARE), mean, tf.mul(deviation, -3));
}

/**
 * Σ_{hwc} mean_b of (s − m)² where the teacher is below the margin and the student above it,
 * (s − t)² where the teacher is positive, or between margin and zero and below the student.
 */
export function partialDistance(
  { tf, withoutGradient }: Rooms,
  student: Map4,
  teacher: Map4,
  margin: tensorflow.Tensor,
): Scalar {
  const [toMargin, toTeacher] = withoutGradient(() => {
    const isDead = tf.lessEqual(teacher, margin);
    const isPositive = tf.greater(teacher, 0);
    const isAbove = tf.greater(student, teacher);
    const between = tf.logicalNot(tf.logicalOr(isDead, isPositive));
    return [
      tf.logicalAnd(isDead, tf.greater(student, margin)),
      tf.logicalOr(isPositive, tf.logicalAnd(between, isAbove)),
    ].map((mask) => tf.cast(mask, 'float32')) as [tensorflow.Tensor, tensorflow.Tensor];
  });
  const distance = tf.add(
    tf.mul(tf.square(tf.sub(student, margin)), toMargin),
    tf.mul(tf.square(tf.sub(student, teacher)), toTeacher),
  );
  return tf.div(tf.sum<Scalar>(distance), student.shape[0]);
}

function refusal(pair: Pair): string | undefined {
  const reason = incomparableStages(pair);
  if (reason !== undefined) return reason;
  const smaller = stagePairs(pair.student.maps, pair.teacher.maps).find(([s, t]) => t[0] < s[0]);
  if (smaller === undefined) return undefined;
  return `the teacher’s map has ${smaller[1][0]} pixels, the student’s ${smaller[0][0]}; allowed: no smaller than the student’s`;
}

/**
 * A comprehensive overhaul of feature distillation (Heo et al., ICCV 2019; margin ReLU and partial L2)
 * as mdistiller does it, but for the teacher, which is left in training mode there and is in
 * evaluation mode here. Maps are those before the last ReLU of each stage; a 1 × 1 convolution with
 * batch norm leads the student's to the teacher's channels. Beside it a study puts cross-entropy of
 * weight 1.
 */
export const ofd = defineDistiller({
  name: 'ofd',
  paper: 'arXiv:1904.01866',
  weight: 0.001,
  options: z.strictObject({}),
  reads: { teacher: 'features', preActivations: true },
  refuses: refusal,
  build: (site) => {
    const { tf, withoutGradient } = site;
    const shapes = stagePairs(site.student.maps, site.teacher.maps);
    const connectors = shapes.map((pair, index) => createConnector(site, index + 1, pair));
    return {
      loss: (step) => {
        const { preActivations = [], norms = [] } = taught(step);
        const losses = connectors.map((connect, index) => {
          const own = connect((step.student.preActivations ?? [])[index] as Map4);
          const [student, teacher] = atOneSize(tf, [own, preActivations[index] as Map4]);
          const margin = withoutGradient(() => negativeMeans(tf, norms[index] as Affine));
          const distance = partialDistance(site, student, teacher, margin);
          return tf.div<Scalar>(distance, 2 ** (connectors.length - 1 - index));
        });
        return tf.addN<Scalar>(losses);
      },
    };
  },
});

function createConnector(
  { layers }: Site,
  stage: number,
  [[size, , inputs], [, , outputs]]: readonly [MapShape, MapShape],
): (map: Map4) => Map4 {
  return layers.convolutionNorm({
    ...{ name: `stage${stage}/connector`, inputs, outputs, size, kernelSize: 1, bias: false },
    initial: { kind: 'normal', standardDeviation: Math.sqrt(2 / outputs) },
  }).bare;
}
