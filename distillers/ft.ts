import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import type { HelperLayers } from '../learning/engine/helper-layers.ts';
import type { FeatureShapes, MapShape } from '../study/models/family.ts';
import { defineDistiller, taught, type Pair, type Step, type Tf } from './contract.ts';
import { missingMaps } from './maps.ts';
import { atOneSize } from './pairs.ts';
import { normaliseRows } from './rows.ts';

type Map4 = tensorflow.Tensor4D;
type Layer = (map: Map4) => Map4;

/** Slope of LeakyReLU below zero. */
const LEAK = 0.1;

/** Q: the mean square over channels, flattened and normalised per image, [B, H·W]. */
function factor(tf: Tf, map: Map4): tensorflow.Tensor2D {
  const power = tf.mean(tf.square(map), 3);
  return normaliseRows(tf, tf.reshape<tensorflow.Rank.R2>(power, [map.shape[0], -1]));
}

/** mean abs(Q_s − Q_t); the larger map is averaged down first. */
export function factorDistance(tf: Tf, student: Map4, teacher: Map4): tensorflow.Scalar {
  const [s, t] = atOneSize(tf, [student, teacher]);
  return tf.mean(tf.abs(tf.sub(factor(tf, s), factor(tf, t))));
}

type Chain = {
  readonly name: string;
  /** Channels from the input to the output. */
  readonly channels: readonly number[];
  readonly size: number;
  /** Starts as transposed convolutions do in PyTorch: by the fan-out. */
  readonly transposed?: true;
  /** With batch norms. */
  readonly normed?: true;
};

/** 3 × 3 convolutions with bias, each with LeakyReLU behind it. */
function chain(tf: Tf, layers: HelperLayers, { name, channels, size, ...form }: Chain): Layer {
  const steps = channels.slice(1).map((outputs, index) => {
    const bound = 1 / Math.sqrt(9 * outputs);
    const initial = { kind: 'uniform', low: -bound, high: bound } as const;
    const options = {
      ...{ name: `${name}${index + 1}`, inputs: channels[index] ?? 0, outputs },
      ...{ size, kernelSize: 3, bias: true },
      ...(form.transposed === true ? { initial } : {}),
    };
    return form.normed === true
      ? layers.convolutionNorm(options).bare
      : layers.convolution(options);
  });
  return (map) => steps.reduce((x, step) => tf.leakyRelu(step(x), LEAK), map);
}

function lastMaps({ student, teacher }: Pick<Step, 'student' | 'teacher'>): readonly [Map4, Map4] {
  return [student.maps.at(-1) as Map4, teacher?.maps.at(-1) as Map4];
}

function refusal(pair: Pair): string | undefined {
  const missing = missingMaps(pair);
  if (missing !== undefined) return missing;
  const [student = 1, teacher = 1] = [pair.student, pair.teacher].map(
    ({ maps }) => maps.at(-1)?.[0],
  );
  const ratio = Math.max(student, teacher) / Math.min(student, teacher);
  if (Number.isInteger(ratio)) return undefined;
  return `it compares maps of ${student} and ${teacher} pixels; allowed: whole ratios`;
}

/**
 * Factor transfer (Kim et al., NeurIPS 2018; the factor transfer loss with p = 1) in RepDistiller's
 * form. First, for 30 of 270 published epochs and at a rate of 0.01, a paraphraser learns to give back
 * the teacher's last map through half of its channels; the student waits. Then a translator of the
 * student's last map is compared with it. The paraphraser's way back has convolutions where the
 * reference has transposed ones: at stride 1 these are the same with the kernel turned.
 */
export const ft = defineDistiller({
  name: 'ft',
  paper: 'arXiv:1802.04977',
  weight: 200,
  options: z.strictObject({
    share: z.number().positive().max(1).default(0.5).describe('k: channels of a factor, of all.'),
    epochs: z.int().min(1).default(30).describe('Published epochs before those of the training.'),
    learningRate: z.number().positive().default(0.01).describe('Of the paraphraser.'),
  }),
  reads: { teacher: 'features' },
  refuses: refusal,
  epochsBefore: ({ epochs }) => epochs,
  build: (site, { share, learningRate }) => {
    const { tf, layers, before } = site;
    const shapeOf = ({ maps }: FeatureShapes): MapShape => maps.at(-1) ?? [0, 0, 0];
    const [size, , inputs] = shapeOf(site.student);
    const [wide, , outputs] = shapeOf(site.teacher);
    const half = Math.max(1, Math.floor(outputs * share));
    const paraphrase = chain(tf, before.layers, {
      ...{ name: 'paraphraser/there', channels: [outputs, outputs, half, half], size: wide },
    });
    const giveBack = chain(tf, before.layers, {
      ...{ name: 'paraphraser/back', channels: [half, half, outputs, outputs], size: wide },
      transposed: true,
    });
    const translate = chain(tf, layers, {
      ...{ name: 'translator/layer', channels: [inputs, inputs, half, half], size },
      normed: true,
    });
    return {
      before: {
        learningRate,
        trains: () => false,
        loss: (step) => {
          const map = taught(step).maps.at(-1) as Map4;
          return tf.mean(tf.square(tf.sub(giveBack(paraphrase(map)), map)));
        },
      },
      loss: (step) => {
        const [student, teacher] = lastMaps(step);
        return factorDistance(tf, translate(student), paraphrase(teacher));
      },
    };
  },
});
