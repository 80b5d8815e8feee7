import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught, type Site, type Step, type Tf } from './contract.ts';
import { embeddings, missingEmbedding } from './embeddings.ts';
import { distillation } from './kd.ts';
import { normaliseRows } from './rows.ts';

type Matrix = tensorflow.Tensor2D;
type Scalar = tensorflow.Scalar;

/** Far below any norm that matters, and keeps the gradient of a zero row finite. */
const TINY = 1e-24;

/** ND: mean_b[1 − ⟨s, c/‖c‖⟩ / max(‖s‖, ‖t‖)], with the centre c of each image's class, [B, D] each. */
export function normAndDirection(
  tf: Tf,
  student: Matrix,
  teacher: Matrix,
  centres: Matrix,
): Scalar {
  const norm = (x: Matrix): tensorflow.Tensor => tf.sqrt(tf.add(tf.sum(tf.square(x), 1), TINY));
  const along = tf.sum(tf.mul(student, normaliseRows(tf, centres)), 1);
  const shares = tf.div(along, tf.maximum(norm(student), norm(teacher)));
  return tf.sub<Scalar>(1, tf.mean(shares));
}

/**
 * KD++ (Wang et al., 2023): KD, and the norm and direction (ND) of the student's embedding along the
 * mean of the teacher's embeddings of its class. Beside it a study puts cross-entropy of weight 1. The
 * reference takes the means from one pass over the training images before it trains; here it is the
 * pass of the first epoch, during which they are of the images seen so far. The weights are those of
 * resnet56 with resnet20.
 */
export const kdpp = defineDistiller({
  name: 'kdpp',
  paper: 'arXiv:2305.17007',
  weight: 1,
  options: z.strictObject({
    kd: z.number().min(0).default(1).describe('Weight of KD.'),
    nd: z.number().min(0).default(2).describe('Weight of norm and direction.'),
    temperature: z.number().positive().default(4).describe('T of KD: softens both networks.'),
    warmUpEpochs: z.int().min(0).default(20).describe('Published epochs until KD’s full weight.'),
    dropout: z.number().min(0).lt(1).default(0.5).describe('Where embeddings differ in size.'),
  }),
  reads: { teacher: 'features' },
  refuses: missingEmbedding,
  build: (site, { kd, nd, temperature, warmUpEpochs, dropout }) => {
    const { tf } = site;
    const bring = createTransfer(site, dropout);
    const centresOf = createCentres(site);
    // The reference counts epochs from 0 here.
    const share = site.scalar('kd', ({ publishedEpoch }) =>
      warmUpEpochs === 0 ? 1 : Math.min(1, (publishedEpoch - 1) / warmUpEpochs),
    );
    return {
      loss: (step) => {
        const [own, wanted] = embeddings(step);
        const soft = distillation(tf, step.student.logits, taught(step).logits, temperature);
        const shape = normAndDirection(tf, bring(step, own), wanted, centresOf(step, wanted));
        return tf.add(tf.mul(tf.mul(soft, share(step)), kd), tf.mul(shape, nd));
      },
    };
  },
});

/** Sums of the teacher's embeddings by class, which have the direction of their means. */
function createCentres(site: Site): (step: Step, teacher: Matrix) => Matrix {
  const { tf, classes, teacher, withoutGradient } = site;
  const shape = [classes, teacher.embedding ?? 0];
  const sums = site.memory<Matrix>('sums', shape, { kind: 'constant', value: 0 });
  const grows = site.scalar('grows', ({ epoch }) => (epoch === 1 ? 1 : 0));
  return (step, embedded) =>
    withoutGradient(() => {
      const batch = tf.matMul(step.labels, embedded, true, false);
      const next = tf.add<Matrix>(sums.value(), tf.mul(batch, grows(step)));
      sums.replace(next);
      return tf.matMul(step.labels, next);
    });
}

/** Leads the student's embedding to the teacher's size: batch norm, dropout, a linear map. */
function createTransfer(
  { tf, layers, parameter, draw, withoutGradient, student, teacher }: Site,
  dropout: number,
): (step: Step, embedded: Matrix) => Matrix {
  const [inputs, outputs] = [student.embedding ?? 0, teacher.embedding ?? 0];
  if (inputs === outputs) return (_, embedded) => embedded;
  const norm = layers.norm('transfer/norm', inputs);
  const initial = { kind: 'normal', standardDeviation: 0.01 } as const;
  const kernel = parameter('transfer/kernel', [inputs, outputs], initial) as Matrix;
  const bias = parameter('transfer/bias', [outputs], initial);
  const integers = draw('dropout');
  const keep = (step: Step, shape: readonly number[]): tensorflow.Tensor =>
    withoutGradient(() => {
      const isKept = tf.greaterEqual(
        integers(step, shape),
        tf.scalar(Math.floor(dropout * (2 ** 31 - 1)), 'int32'),
      );
      return tf.div(tf.cast(isKept, 'float32'), 1 - dropout);
    });
  return (step, embedded) => {
    const [batch] = embedded.shape;
    const normed = norm(tf.reshape(embedded, [batch, 1, 1, inputs]));
    const flat = tf.reshape<tensorflow.Rank.R2>(normed, [batch, inputs]);
    const kept = dropout === 0 ? flat : tf.mul<Matrix>(flat, keep(step, [batch, inputs]));
    return tf.add(tf.matMul(kept, kernel), bias);
  };
}
