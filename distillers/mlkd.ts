import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught, type Site, type Step, type Tf, type Views } from './contract.ts';
import { divergence, softened } from './logits.ts';

type Matrix = tensorflow.Tensor2D;
type Vector = tensorflow.Tensor1D;
type Scalar = tensorflow.Scalar;
type Rooms = Pick<Site, 'tf' | 'withoutGradient'>;

/** Logits of both networks for one view, [B, C] each. */
type Said = readonly [student: Matrix, teacher: Matrix];

/** In the published code, the strong view’s last temperatures are applied to the weak view. */
const PUBLISHED_STRONG_TEMPERATURES = 3;

/** 1 for values that are not above their median, else 0. */
export function lowerHalf(tf: Tf, values: Vector): Vector {
  const [count] = values.shape;
  const sorted = tf.topk(values, count, true).values;
  const middle = [Math.floor((count - 1) / 2), Math.ceil((count - 1) / 2)];
  const median = tf.mean(tf.gather(sorted, tf.tensor1d(middle, 'int32')));
  return tf.cast(tf.lessEqual(values, median), 'float32');
}

/** Which images and which classes the teacher is least sure of, [B] and [C]. */
function unsure({ tf, withoutGradient }: Rooms, teacher: Matrix): readonly [Vector, Vector] {
  return withoutGradient(() => {
    const chances = tf.softmax(teacher);
    return [lowerHalf(tf, tf.max<Vector>(chances, 1)), lowerHalf(tf, tf.sum<Vector>(chances, 0))];
  });
}

/** T²·KL of every image, [B]. */
function ofImages(tf: Tf, [student, teacher]: Said, temperature: number): Vector {
  const [own, wanted] = [student, teacher].map((z) => softened(tf, z, temperature)) as [
    Matrix,
    Matrix,
  ];
  return tf.mul(divergence(tf, wanted, own), temperature ** 2);
}

/** (PᵀP of the teacher − PᵀP of the student)²/C, [C, C]: how classes go together in the batch. */
export function ofClasses(tf: Tf, said: Said, temperature: number): Matrix {
  return squares(tf, said, temperature, (chances) => tf.matMul(chances, chances, true, false));
}

/** (PPᵀ of the teacher − PPᵀ of the student)²/B, [B, B]: how images do. */
export function ofBatch(tf: Tf, said: Said, temperature: number): Matrix {
  return squares(tf, said, temperature, (chances) => tf.matMul(chances, chances, false, true));
}

function squares(
  tf: Tf,
  [student, teacher]: Said,
  temperature: number,
  gram: (chances: Matrix) => Matrix,
): Matrix {
  const of = (z: Matrix): Matrix => gram(tf.softmax(tf.div<Matrix>(z, temperature)));
  const [wanted, own] = [of(teacher), of(student)];
  return tf.div(tf.square(tf.sub(wanted, own)), wanted.shape[0]);
}

/**
 * Terms of the weak view: its images, classes and pairs of images that the teacher is unsure of, where
 * masks are in the sums; behind them they weigh all of it by the share that is unsure.
 */
function ofWeakView(site: Rooms, said: Said, temperatures: readonly number[], inTheSums: boolean) {
  const { tf } = site;
  const [images, classes] = unsure(site, said[1]);
  const masked = (terms: Vector | Matrix, mask: Vector, reduce: (x: Vector | Matrix) => Scalar) =>
    inTheSums ? reduce(tf.mul(terms, mask)) : tf.mul<Scalar>(reduce(terms), tf.mean<Scalar>(mask));
  return tf.addN<Scalar>(
    temperatures.flatMap((temperature) => [
      masked(ofImages(tf, said, temperature), images, (x) => tf.mean(x)),
      masked(ofClasses(tf, said, temperature), classes, (x) => tf.sum(x)),
      masked(ofBatch(tf, said, temperature), images, (x) => tf.sum(x)),
    ]),
  );
}

const saidOf = ({ student, teacher }: Views): Said => [student.logits, (teacher ?? student).logits];

/**
 * Multi-level logit distillation (Jin et al., CVPR 2023). Of a weak view (crop, flip) and a strong one
 * (RandAugment and cutout on top): 0.1 · CE of the strong view, and 0.9 times the sum over temperatures
 * of KD on both views and, on the weak one, of ‖PᵀP_t − PᵀP_s‖²/C and ‖PPᵀ_t − PPᵀ_s‖²/B. On the weak
 * view KD and pairs of images are of those images that the teacher is least sure of, half of the batch,
 * and classes of those that it gives least to. Beside it a study puts 0.1 of cross-entropy, of the weak
 * view. The published code has the masks behind the sums, where they weigh everything by a half, and
 * takes two temperatures of the strong view from the weak one: `asPublished`.
 */
export const mlkd = defineDistiller({
  name: 'mlkd',
  paper: 'doi:10.1109/CVPR52729.2023.02325',
  weight: 1,
  options: z.strictObject({
    temperatures: z
      .array(z.number().positive())
      .min(1)
      .default([4, 3, 5, 2, 6])
      .describe('T: each of them softens both networks.'),
    crossEntropy: z.number().min(0).default(0.1).describe('Weight of the strong view’s CE.'),
    distillation: z.number().min(0).default(0.9).describe('Weight of all that is distilled.'),
    asPublished: z
      .boolean()
      .default(false)
      .describe('What the published code computes, where it is not what it means.'),
  }),
  reads: { teacher: 'logits', strongView: true },
  build: (site, { temperatures, crossEntropy, distillation, asPublished }) => {
    const { tf } = site;
    return {
      loss: (step: Step) => {
        const weak = saidOf({ student: step.student, teacher: taught(step) });
        const strong = saidOf(step.strong as Views);
        const right = tf.mul(step.labels, softened(tf, strong[0], 1));
        const entropy = tf.neg(tf.mean<Scalar>(tf.sum(right, 1)));
        const ofStrongView = temperatures.map((temperature, index) => {
          const moved = asPublished && index >= PUBLISHED_STRONG_TEMPERATURES;
          return tf.mean<Scalar>(ofImages(tf, moved ? weak : strong, temperature));
        });
        const distilled = tf.add<Scalar>(
          ofWeakView(site, weak, temperatures, !asPublished),
          tf.addN<Scalar>(ofStrongView),
        );
        return tf.add<Scalar>(tf.mul(entropy, crossEntropy), tf.mul(distilled, distillation));
      },
    };
  },
});
