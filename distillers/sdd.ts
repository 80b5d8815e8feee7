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
import { decoupledDistillation } from './dkd.ts';
import { divergence, softened, tooFewClasses, warmedUp } from './logits.ts';
import { missingMaps } from './maps.ts';
import { averaged } from './pairs.ts';

type Matrix = tensorflow.Tensor2D;
type Vector = tensorflow.Tensor1D;

/** Regions where the teacher says otherwise than of the whole image count double. */
const COMPLEMENTARY_WEIGHT = 2;

/** What a network says of each of n × n regions of every image, [B · n², C], image by image. */
function regionLogits(tf: Tf, { lastMap, classify }: Knowledge, scale: number): Matrix {
  const pooled = averaged(tf, lastMap as tensorflow.Tensor4D, scale);
  const [batch, , , channels] = pooled.shape;
  const regions = tf.reshape<tensorflow.Rank.R2>(pooled, [batch * scale ** 2, channels]);
  return (classify as (embedded: Matrix) => Matrix)(regions);
}

/** Every row `count` times in a row. */
function repeated(tf: Tf, rows: Matrix, count: number): Matrix {
  const [batch, columns] = rows.shape;
  const copies = tf.mul(tf.reshape(rows, [batch, 1, columns]), tf.ones([1, count, 1]));
  return tf.reshape(copies, [batch * count, columns]);
}

/** 2 where region and whole image differ in whether the teacher finds the right class, else 1. */
function weights(
  { tf, withoutGradient }: Pick<Site, 'tf' | 'withoutGradient'>,
  labels: Matrix,
  regions: Matrix,
  whole: Matrix,
): Vector {
  return withoutGradient(() => {
    const right = tf.argMax(labels, 1);
    const isRight = (logits: Matrix) => tf.equal(tf.argMax(logits, 1), right);
    const differs = tf.cast(tf.logicalXor(isRight(regions), isRight(whole)), 'float32');
    return tf.add(tf.mul(differs, COMPLEMENTARY_WEIGHT - 1), 1);
  });
}

function refusal(pair: Pair, scales: readonly number[], base: 'kd' | 'dkd'): string | undefined {
  const missing = missingMaps(pair) ?? (base === 'dkd' ? tooFewClasses(pair) : undefined);
  if (missing !== undefined) return missing;
  for (const { maps } of [pair.student, pair.teacher]) {
    const [size = 0] = maps.at(-1) ?? [];
    const odd = scales.find((scale) => !Number.isInteger(size / scale));
    if (odd === undefined) continue;
    return `it cuts maps of ${size} pixels into ${odd} × ${odd} regions; allowed: divisors of ${size}`;
  }
  return undefined;
}

/**
 * Scale decoupled distillation (Wei et al., CVPR 2024): KD or DKD of what both classifiers say of
 * regions of the last map, at several scales; the mean over regions and images, in which regions count
 * double where the teacher judges them otherwise than the whole image. Beside it a study puts
 * cross-entropy of weight 1.
 */
export const sdd = defineDistiller({
  name: 'sdd',
  paper: 'arXiv:2403.13512',
  weight: 1,
  options: z.strictObject({
    base: z.enum(['kd', 'dkd']).default('dkd').describe('The loss of each region.'),
    scales: z
      .array(z.int().min(1))
      .min(1)
      .default([1, 2, 4])
      .describe('n: the map is cut into n × n regions.'),
    temperature: z.number().positive().default(4).describe('T: softens both networks.'),
    alpha: z.number().min(0).default(1).describe('Of dkd: weight of the target class.'),
    beta: z.number().min(0).default(8).describe('Of dkd: weight of the other classes.'),
    warmUpEpochs: z.int().min(0).default(20).describe('Published epochs until the full weight.'),
  }),
  reads: { teacher: 'features' },
  refuses: (pair, { scales, base }) => refusal(pair, scales, base),
  share: ({ publishedEpoch }, { warmUpEpochs }) => warmedUp(publishedEpoch, warmUpEpochs),
  build: (site, { base, scales, ...options }) => {
    const { tf } = site;
    const perRegion = (labels: Matrix, student: Matrix, teacher: Matrix): Vector => {
      if (base === 'dkd') return decoupledDistillation(tf, labels, [student, teacher], options);
      const { temperature } = options;
      const [own, wanted] = [student, teacher].map((z) => softened(tf, z, temperature)) as [
        Matrix,
        Matrix,
      ];
      return tf.mul(divergence(tf, wanted, own), temperature ** 2);
    };
    const regions = scales.reduce((sum, scale) => sum + scale ** 2, 0);
    return {
      loss: (step) => {
        const teacher = taught(step);
        const losses = scales.map((scale) => {
          const labels = repeated(tf, step.labels, scale ** 2);
          const wanted = regionLogits(tf, teacher, scale);
          const whole = repeated(tf, teacher.logits, scale ** 2);
          const losses = perRegion(labels, regionLogits(tf, step.student, scale), wanted);
          const weighed = tf.mul(losses, weights(site, labels, wanted, whole));
          return tf.sum<tensorflow.Scalar>(weighed);
        });
        return tf.div(tf.addN<tensorflow.Scalar>(losses), step.labels.shape[0] * regions);
      },
    };
  },
});
