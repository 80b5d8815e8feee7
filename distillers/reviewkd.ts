import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import {
  defineDistiller,
  taught,
  type Knowledge,
  type Pair,
  type Site,
  type Tf,
} from './contract.ts';
import { missingEmbedding } from './embeddings.ts';
import { warmedUp } from './logits.ts';
import { averaged, incomparableStages, stagePairs } from './pairs.ts';
import { stageMaps } from './maps.ts';

type Map4 = tensorflow.Tensor4D;
type Scalar = tensorflow.Scalar;

/** Sizes that maps are pooled to, where they are larger. */
const POOLED_SIZES = [4, 2, 1];

/**
 * HCL: the mean square of the difference, and of the difference of averages over ever larger squares,
 * each with half the weight of the one before; divided by the sum of the weights.
 */
export function hierarchicalContextLoss(tf: Tf, student: Map4, teacher: Map4): Scalar {
  const sizes = POOLED_SIZES.filter((size) => size < student.shape[1]);
  const losses = [student.shape[1], ...sizes].map((size, index) => {
    const off = tf.sub(averaged(tf, student, size), averaged(tf, teacher, size));
    return tf.div<Scalar>(tf.mean(tf.square(off)), 2 ** index);
  });
  const weights = losses.reduce((sum, _, index) => sum + 1 / 2 ** index, 0);
  return tf.div(tf.addN<Scalar>(losses), weights);
}

/** Every pixel repeated over a square, up to `size` pixels. */
function enlarged(tf: Tf, map: Map4, size: number): Map4 {
  const [batch, height, width, channels] = map.shape;
  const ratio = size / height;
  if (ratio === 1) return map;
  // A product with ones has a gradient for any rank, which tile has not.
  const squares = tf.mul(
    tf.reshape(map, [batch, height, 1, width, 1, channels]),
    tf.ones([1, 1, ratio, 1, ratio, 1]),
  );
  return tf.reshape(squares, [batch, size, size, channels]);
}

/** What both networks give, from the first stage to the embedding. */
type Level = {
  readonly name: string;
  readonly channels: readonly [student: number, teacher: number];
  readonly size: readonly [student: number, teacher: number];
};

function levelsOf({ student, teacher }: Pick<Pair, 'student' | 'teacher'>): readonly Level[] {
  const stages = stagePairs(student.maps, teacher.maps).map(([s, t], index): Level => {
    return { name: `stage${index + 1}`, channels: [s[2], t[2]], size: [s[0], t[0]] };
  });
  const channels = [student.embedding ?? 0, teacher.embedding ?? 0] as const;
  return [...stages, { name: 'pooled', channels, size: [1, 1] }];
}

function refusal(pair: Pair): string | undefined {
  const reason = incomparableStages(pair) ?? missingEmbedding(pair);
  if (reason !== undefined) return reason;
  const sizes = levelsOf(pair)
    .toReversed()
    .flatMap(({ size }) => size);
  const odd = sizes
    .slice(1)
    .findIndex((size, index) => !Number.isInteger(size / (sizes[index] ?? 1)));
  if (odd < 0) return undefined;
  return `it enlarges maps of ${sizes[odd]} to ${sizes[odd + 1]} pixels; allowed: whole multiples`;
}

/** Gives the map that is compared, and the residual for the next level. */
type Fusion = (map: Map4, deeper?: Map4) => { readonly output: Map4; readonly residual: Map4 };

/** ABF: brings a level to a common width, mixes in what lies deeper, and leads to the teacher's width. */
function createFusion(site: Site, level: Level, width: number, isDeepest: boolean): Fusion {
  const { tf, layers } = site;
  const [inputs, outputs] = level.channels;
  const [size, wanted] = level.size;
  const convolution = (
    name: string,
    kernelSize: number,
    from: number,
    to: number,
    pixels: number,
  ) =>
    layers.convolutionNorm({
      ...{ name: `${level.name}/${name}`, kernelSize, inputs: from, outputs: to },
      ...{ size: pixels, bias: false, initial: kaiming(kernelSize ** 2 * from) },
    }).bare;
  const entry = convolution('entry', 1, inputs, width, size);
  const exit = convolution('exit', 3, width, outputs, wanted);
  const attention = isDeepest
    ? undefined
    : layers.convolution({
        ...{ name: `${level.name}/attention`, inputs: 2 * width, outputs: 2 },
        ...{ kernelSize: 1, size, bias: true },
      });
  return (map, deeper) => {
    const own = entry(map);
    const mixed =
      attention === undefined || deeper === undefined
        ? own
        : mix(tf, attention, own, enlarged(tf, deeper, size));
    const residual = enlarged(tf, mixed, wanted);
    return { output: exit(residual), residual };
  };
}

/** PyTorch's `kaiming_uniform` with a = 1. */
function kaiming(fanIn: number) {
  const bound = Math.sqrt(3 / fanIn);
  return { kind: 'uniform', low: -bound, high: bound } as const;
}

/** Both maps, each weighed pixel by pixel. */
function mix(tf: Tf, attention: (map: Map4) => Map4, own: Map4, deeper: Map4): Map4 {
  const weights = tf.sigmoid(attention(tf.concat([own, deeper], 3)));
  const [ofOwn, ofDeeper] = tf.split(weights, 2, 3) as [Map4, Map4];
  return tf.add(tf.mul(own, ofOwn), tf.mul(deeper, ofDeeper));
}

/** The maps of a network, and its embedding as a map of one pixel. */
function levelMaps(tf: Tf, maps: readonly Map4[], { embedding }: Knowledge): Map4[] {
  const pooled = embedding as tensorflow.Tensor2D;
  return [...maps, tf.reshape(pooled, [pooled.shape[0], 1, 1, pooled.shape[1]])];
}

/**
 * Knowledge review (Chen et al., CVPR 2021; ABF and HCL) as mdistiller does it: from the deepest level
 * up, the student's maps are fused with those behind them, and compared with the teacher's maps before
 * ReLU and its embedding. Beside it a study puts cross-entropy of weight 1. The weight is that of
 * resnet32x4 with resnet8x4 and of WRN-40-2; resnet56 with resnet20 has 0.6, resnet110 with resnet32
 * 1.
 */
export const reviewkd = defineDistiller({
  name: 'reviewkd',
  paper: 'arXiv:2104.09044',
  weight: 5,
  options: z.strictObject({
    channels: z.int().min(1).default(512).describe('Most channels of the maps that are fused.'),
    warmUpEpochs: z.int().min(0).default(20).describe('Published epochs until the full weight.'),
  }),
  reads: { teacher: 'features', preActivations: true },
  refuses: refusal,
  share: ({ publishedEpoch }, { warmUpEpochs }) => warmedUp(publishedEpoch, warmUpEpochs),
  build: (site, { channels }) => {
    const { tf } = site;
    const levels = levelsOf(site);
    const width = Math.min(channels, site.student.embedding ?? 0);
    const fusions = levels.map((level, index) =>
      createFusion(site, level, width, index === levels.length - 1),
    );
    return {
      loss: (step) => {
        const { student } = step;
        const teacher = taught(step);
        const own = levelMaps(tf, stageMaps(student.maps).slice(0, levels.length - 1), student);
        const wanted = levelMaps(
          tf,
          (teacher.preActivations ?? []).slice(0, levels.length - 1),
          teacher,
        );
        const losses: Scalar[] = [];
        let residual: Map4 | undefined;
        for (let level = levels.length - 1; level >= 0; level -= 1) {
          const fused = (fusions[level] as Fusion)(own[level] as Map4, residual);
          residual = fused.residual;
          losses.push(hierarchicalContextLoss(tf, fused.output, wanted[level] as Map4));
        }
        return tf.addN<Scalar>(losses);
      },
    };
  },
});
