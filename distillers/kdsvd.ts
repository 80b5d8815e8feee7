import { z } from 'zod';

import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { defineDistiller, taught, type Pair, type Site, type Tf } from './contract.ts';
import { mapText, missingMaps, stageMaps } from './maps.ts';
import { stagePairs } from './pairs.ts';

type Cube = tensorflow.Tensor3D;
type Map4 = tensorflow.Tensor4D;
type Scalar = tensorflow.Scalar;
type Rooms = Pick<Site, 'tf' | 'withoutGradient'>;

/** Vectors of the student, of which the one nearest to the teacher’s first is compared. */
const CANDIDATES = 4;
/** Far below any norm that matters, and keeps the gradient of a zero vector finite. */
const TINY = 1e-24;

/** Orthonormal columns to start from, [channels, count]: cosines, of which the first is constant. */
function firstGuess(channels: number, count: number): number[][] {
  const norm = (column: number): number => Math.sqrt((column === 0 ? 1 : 2) / channels);
  return Array.from({ length: channels }, (_, row) =>
    Array.from({ length: count }, (_column, column) => {
      return norm(column) * Math.cos((Math.PI * (row + 0.5) * column) / channels);
    }),
  );
}

/** Columns made orthonormal from the first on (Gram and Schmidt), [B, C, count]. */
function orthonormal(tf: Tf, columns: Cube): Cube {
  const done: Cube[] = [];
  for (const column of tf.split<Cube>(columns, columns.shape[2], 2)) {
    const rest = done.reduce<Cube>((left, unit) => {
      return tf.sub(left, tf.mul(unit, tf.sum(tf.mul(unit, left), 1, true)));
    }, column);
    done.push(tf.mul(rest, tf.rsqrt(tf.add(tf.sum(tf.square(rest), 1, true), TINY))));
  }
  return done.length === 1 ? (done[0] as Cube) : tf.concat(done, 2);
}

/** The first right singular vectors of [H·W, C] of every image, about, [B, C, count]. */
export function singularVectors(tf: Tf, map: Map4, count: number, iterations: number): Cube {
  const [batch, height, width, channels] = map.shape;
  const pixels = tf.reshape<tensorflow.Rank.R3>(map, [batch, height * width, channels]);
  const products = tf.matMul(pixels, pixels, true, false);
  const guess = tf.tensor2d(firstGuess(channels, count));
  let vectors = tf.mul<Cube>(tf.expandDims(guess, 0), tf.ones([batch, 1, 1]));
  for (let step = 0; step < iterations; step += 1) {
    vectors = orthonormal(tf, tf.matMul(products, vectors));
  }
  return vectors;
}

/** Of each image the vector that is nearest to the one wanted, up to its sign, turned to it. */
export function aligned({ tf, withoutGradient }: Rooms, vectors: Cube, wanted: Cube): Cube {
  const mask = withoutGradient(() => {
    const cosines = tf.matMul(vectors, wanted, true, false);
    const sizes = tf.abs(cosines);
    const isNearest = tf.equal(sizes, tf.max(sizes, 1, true));
    return tf.mul<Cube>(tf.sign(cosines), tf.cast(isNearest, 'float32'));
  });
  return tf.matMul(vectors, mask);
}

/** exp(−Δ²/8) of the values of two vectors, [B, C, D]. */
function nearness(tf: Tf, of: Cube, before: Cube): Cube {
  const apart = tf.sub(of, tf.transpose(before, [0, 2, 1]));
  return tf.exp(tf.div(tf.square(apart), -8));
}

/** Σ over neighbouring stages of Σ (RBF_s − RBF_t)² / B. */
export function singularDistance(
  rooms: Rooms,
  student: readonly Map4[],
  teacher: readonly Map4[],
  iterations: number,
): Scalar {
  const { tf, withoutGradient } = rooms;
  const wanted = teacher.map((map) =>
    withoutGradient(() => singularVectors(tf, map, 1, iterations)),
  );
  const own = student.map((map, stage) => {
    const vectors = singularVectors(tf, map, CANDIDATES, iterations);
    return aligned(rooms, vectors, wanted[stage] as Cube);
  });
  const losses = own.slice(1).map((vector, stage) => {
    const s = nearness(tf, vector, own[stage] as Cube);
    const t = nearness(tf, wanted[stage + 1] as Cube, wanted[stage] as Cube);
    return tf.div<Scalar>(tf.sum(tf.square(tf.sub(s, t))), vector.shape[0]);
  });
  return tf.addN<Scalar>(losses);
}

function refusal(pair: Pair): string | undefined {
  const missing = missingMaps(pair);
  if (missing !== undefined) return missing;
  const pairs = stagePairs(pair.student.maps, pair.teacher.maps);
  if (pairs.length < 2) return `it compares neighbouring stages; allowed: two or more of them`;
  const odd = pairs.find(([s, t]) => s[2] !== t[2] || s[2] < CANDIDATES);
  if (odd === undefined) return undefined;
  return `it compares maps of ${mapText(odd[0])} and ${mapText(odd[1])}; allowed: as many channels, and ${CANDIDATES} or more`;
}

/**
 * Experimental. Distillation by singular value decomposition (Lee et al., ECCV 2018) in RepDistiller's
 * form: how near the values of one stage's first singular vector are to those of the next. There is
 * no decomposition in TensorFlow.js: vectors come from unrolled subspace iterations, which are near
 * where singular values lie well apart, and their gradient is that of the iterations. With one vector
 * a stage, RepDistiller's factor by normalised singular values is 1.
 */
export const kdsvd = defineDistiller({
  name: 'kdsvd',
  paper: 'arXiv:1807.06819',
  weight: 1,
  options: z.strictObject({
    iterations: z.int().min(1).default(8).describe('Subspace iterations for the singular vectors.'),
  }),
  reads: { teacher: 'features' },
  refuses: refusal,
  build: (site, { iterations }) => ({
    loss: (step) => {
      const [student, teacher] = [step.student, taught(step)].map(({ maps }) =>
        stageMaps(maps),
      ) as [readonly Map4[], readonly Map4[]];
      const count = Math.min(student.length, teacher.length);
      return singularDistance(site, student.slice(0, count), teacher.slice(0, count), iterations);
    },
  }),
});
