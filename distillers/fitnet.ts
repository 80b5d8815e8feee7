import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import type { MapShape } from '../study/models/family.ts';
import { defineDistiller, taught, type Pair } from './contract.ts';
import { createRegressor, impossibleRegression } from './regressor.ts';

/** The maps of both networks after stage `layer`. */
function hinted(
  { student, teacher }: Pick<Pair, 'student' | 'teacher'>,
  layer: number,
): readonly [student: MapShape | undefined, teacher: MapShape | undefined] {
  return [student.maps[layer], teacher.maps[layer]];
}

function refusal(pair: Pair, layer: number): string | undefined {
  const [from, to] = hinted(pair, layer);
  if (from !== undefined && to !== undefined) return impossibleRegression(from, to);
  const who = from === undefined ? 'student' : 'teacher';
  const last = (from === undefined ? pair.student : pair.teacher).maps.length - 1;
  const allowed = last < 0 ? 'networks of stages (resnet, wrn)' : `0 … ${last}`;
  return `the ${who} has no map f${layer}; allowed: ${allowed}`;
}

/**
 * FitNets: hints for thin deep nets (Romero et al., ICLR 2015, eq. 3) in RepDistiller's form:
 * mean((r(f_s) − f_t)²) over images, pixels and channels, with a regressor r trained along with the
 * student from the first step, where the paper trains up to the hint first and goes on with KD.
 */
export const fitnet = defineDistiller({
  name: 'fitnet',
  paper: 'arXiv:1412.6550',
  weight: 100,
  options: z.strictObject({
    layer: z.int().min(0).default(2).describe('Which map is the hint: 0 the stem, 1 … the stages.'),
  }),
  reads: { teacher: 'features' },
  refuses: (pair, { layer }) => refusal(pair, layer),
  build: ({ tf, layers, student, teacher }, { layer }) => {
    const [from, to] = hinted({ student, teacher }, layer) as readonly [MapShape, MapShape];
    const regress = createRegressor(layers, 'regressor', from, to);
    return {
      loss: (step) => {
        const hint = taught(step).maps[layer] as tensorflow.Tensor4D;
        const guess = regress(step.student.maps[layer] as tensorflow.Tensor4D);
        return tf.mean(tf.square(tf.sub(guess, hint)));
      },
    };
  },
});
