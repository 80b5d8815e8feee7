import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import type { MapShape } from '../study/models/family.ts';
import { defineDistiller, taught, type Site, type Tf } from './contract.ts';
import { atOneSize, commonSize, incomparableStages, stagePairs } from './pairs.ts';

type Map4 = tensorflow.Tensor4D;
type Scalar = tensorflow.Scalar;

/** Variances are at least this. */
const LEAST_VARIANCE = 1e-5;
/** Variance of every channel at the start. */
const FIRST_VARIANCE = 5;
/** ρ with ln(1 + e^ρ) + 10⁻⁵ = 5. */
const FIRST_RHO = Math.log(Math.expm1(FIRST_VARIANCE - LEAST_VARIANCE));

/** mean ½[(guess − teacher)²/v + ln v] with v = ln(1 + e^ρ) + 10⁻⁵ of every channel. */
export function variationalLoss(
  tf: Tf,
  guess: Map4,
  teacher: Map4,
  rho: tensorflow.Tensor,
): Scalar {
  const variance = tf.add(tf.softplus(rho), LEAST_VARIANCE);
  const misfit = tf.div(tf.square(tf.sub(guess, teacher)), variance);
  return tf.div(tf.mean<Scalar>(tf.add(misfit, tf.log(variance))), 2);
}

/**
 * Variational information distillation (Ahn et al., CVPR 2019; the Gaussian with a variance a channel)
 * in RepDistiller's form: a mean over all values where the paper sums, one variance a channel, and a
 * regressor of three 1 × 1 convolutions a stage.
 */
export const vid = defineDistiller({
  name: 'vid',
  paper: 'arXiv:1904.05835',
  weight: 1,
  options: z.strictObject({}),
  reads: { teacher: 'features' },
  refuses: incomparableStages,
  build: (site) => {
    const stages = stagePairs(site.student.maps, site.teacher.maps).map((shapes, index) =>
      createStage(site, `stage${index + 1}`, shapes),
    );
    return {
      loss: (step) => {
        const pairs = stagePairs(step.student.maps, taught(step).maps);
        const losses = stages.map((stage, index) =>
          stage(...atOneSize(site.tf, pairs[index] as (typeof pairs)[number])),
        );
        return site.tf.addN<Scalar>(losses);
      },
    };
  },
});

/** What is trained for one stage, as its loss. */
function createStage(
  { tf, layers, parameter }: Site,
  name: string,
  [student, teacher]: readonly [MapShape, MapShape],
): (student: Map4, teacher: Map4) => Scalar {
  const [, , inputs] = student;
  const [, , outputs] = teacher;
  const shared = { outputs, kernelSize: 1, size: commonSize(student[0], teacher[0]), bias: false };
  const [first, second, third] = [inputs, outputs, outputs].map((channels, index) =>
    layers.convolution({ ...shared, name: `${name}/regressor${index + 1}`, inputs: channels }),
  ) as [Layer, Layer, Layer];
  const rho = parameter(`${name}/rho`, [outputs], { kind: 'constant', value: FIRST_RHO });
  return (s, t) => variationalLoss(tf, third(tf.relu(second(tf.relu(first(s))))), t, rho);
}

type Layer = (map: Map4) => Map4;
