import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught, type Pair, type Site } from './contract.ts';
import { mapText, missingMaps } from './maps.ts';
import { leadsToMaps, stagePairs } from './pairs.ts';

type Map4 = tensorflow.Tensor4D;
type Scalar = tensorflow.Scalar;

/** How far on the right side of zero a neuron has to be. */
const MARGIN = 1;
/** RepDistiller's scale of the sum over a map. */
const SCALE = 3 / 1000;

/**
 * 3/1000/B · Σ of (s + 1)² where the teacher's neuron is off and the student's above −1, and of
 * (s − 1)² where it is on and the student's at most 1. Maps of one shape, before ReLU.
 */
export function boundaryLoss(
  { tf, withoutGradient }: Pick<Site, 'tf' | 'withoutGradient'>,
  student: Map4,
  teacher: Map4,
): Scalar {
  const [toOff, toOn] = withoutGradient(() => {
    const isOn = tf.greater(teacher, 0);
    return [
      tf.logicalAnd(tf.logicalNot(isOn), tf.greater(student, -MARGIN)),
      tf.logicalAnd(isOn, tf.lessEqual(student, MARGIN)),
    ].map((mask) => tf.cast(mask, 'float32')) as [tensorflow.Tensor, tensorflow.Tensor];
  });
  const off = tf.mul(tf.square(tf.add(student, MARGIN)), toOff);
  const on = tf.mul(tf.square(tf.sub(student, MARGIN)), toOn);
  return tf.mul(tf.sum<Scalar>(tf.add(off, on)), SCALE / student.shape[0]);
}

function refusal(pair: Pair): string | undefined {
  const missing = missingMaps(pair);
  if (missing !== undefined) return missing;
  const odd = stagePairs(pair.student.maps, pair.teacher.maps).find(([s, t]) => s[0] !== t[0]);
  if (odd === undefined) return undefined;
  return `it compares maps of ${mapText(odd[0])} and ${mapText(odd[1])}; allowed: of one height`;
}

/**
 * Activation boundaries (Heo et al., AAAI 2019; the alternative loss) in RepDistiller's form: which
 * neurons of the teacher are on. The student's features and the connectors are trained for it first,
 * for 30 of 270 published epochs and at the first learning rate; cross-entropy alone follows. A
 * connector is a 1 × 1 convolution with batch norm where the numbers of channels differ. A wide
 * ResNet's last batch norm is not trained for it, but normalises by batches, where RepDistiller leaves
 * it in evaluation mode.
 */
export const ab = defineDistiller({
  name: 'ab',
  paper: 'arXiv:1811.03233',
  weight: 1,
  options: z.strictObject({
    epochs: z.int().min(1).default(30).describe('Published epochs before those of the training.'),
  }),
  reads: { teacher: 'features', preActivations: true },
  refuses: refusal,
  epochsBefore: ({ epochs }) => epochs,
  build: (site) => {
    const { tf } = site;
    const connectors = createConnectors(site);
    return {
      before: {
        isWeighed: true,
        trains: leadsToMaps,
        loss: (step) => {
          const own = step.student.preActivations ?? [];
          const { preActivations: wanted = [] } = taught(step);
          const losses = connectors.map((connect, index) => {
            const loss = boundaryLoss(site, connect(own[index] as Map4), wanted[index] as Map4);
            return tf.div<Scalar>(loss, 2 ** (connectors.length - 1 - index));
          });
          return tf.addN<Scalar>(losses);
        },
      },
      loss: () => tf.scalar(0),
    };
  },
});

/** Leads the maps of each stage to the teacher's channels. */
function createConnectors({ before, student, teacher }: Site): readonly ((map: Map4) => Map4)[] {
  return stagePairs(student.maps, teacher.maps).map(([[size, , inputs], [, , outputs]], index) => {
    if (inputs === outputs) return (map) => map;
    const name = `stage${index + 1}/connector`;
    const shape = { inputs, outputs, size, kernelSize: 1, bias: true };
    return before.layers.convolutionNorm({ name, ...shape }).bare;
  });
}
