/** The subspace iterations of `kdsvd` against an eigenvalue solver, and its loss against a definition. */
import test from 'ava';

import type { Knowledge } from '../../distillers/contract.ts';
import { aligned, singularVectors } from '../../distillers/kdsvd.ts';
import { tf } from '../../learning/engine/backend.ts';
import { withoutGradient } from '../../learning/engine/gradients.ts';
import { distillerSchema } from '../../study/distillers.ts';
import { stem, unread } from './golden.ts';
import { agrees, pixelsOf } from './oracle.ts';

const CHANNELS = 4;

/** Eigenvectors of a symmetric matrix by decreasing eigenvalue (Jacobi), as rows. */
function eigenvectors(matrix: readonly (readonly number[])[]): number[][] {
  const a = matrix.map((row) => [...row]);
  const v = a.map((row, i) => row.map((_, j) => Number(i === j)));
  const n = a.length;
  const at = (m: number[][], i: number, j: number): number => m[i]?.[j] ?? NaN;
  for (let sweep = 0; sweep < 60; sweep += 1) {
    for (let p = 0; p < n; p += 1) {
      for (let q = p + 1; q < n; q += 1) {
        const angle = Math.atan2(2 * at(a, p, q), at(a, q, q) - at(a, p, p)) / 2;
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        const turn = (row: number[]): void => {
          const [x = NaN, y = NaN] = [row[p], row[q]];
          row[p] = c * x - s * y;
          row[q] = s * x + c * y;
        };
        a.forEach(turn);
        v.forEach(turn);
        const [upper, lower] = [a[p] ?? [], a[q] ?? []];
        a[p] = upper.map((x, j) => c * x - s * (lower[j] ?? NaN));
        a[q] = upper.map((x, j) => s * x + c * (lower[j] ?? NaN));
      }
    }
  }
  const order = a.map((_, i) => i).sort((i, j) => at(a, j, j) - at(a, i, i));
  return order.map((column) => v.map((row) => row[column] ?? NaN));
}

/** Products of all channels of one image. */
function productsOf(pixels: readonly (readonly number[])[]): number[][] {
  return Array.from({ length: CHANNELS }, (_, i) =>
    Array.from({ length: CHANNELS }, (_column, j) =>
      pixels.reduce((sum, pixel) => sum + (pixel[i] ?? NaN) * (pixel[j] ?? NaN), 0),
    ),
  );
}

/** A map whose singular values lie apart by a factor of three and more. */
function spread(omega: number, phase: number): number[] {
  const scales = [9, 3, 1, 0.3];
  // The square makes neighbours independent of one another.
  return Array.from({ length: 4 * 16 * CHANNELS }, (_, i) => {
    return (scales[i % CHANNELS] ?? NaN) * Math.sin(omega * i ** 2 + phase);
  });
}
const tensor = (values: readonly number[]) => tf.tensor4d([...values], [4, 4, 4, CHANNELS]);
const imageOf = (values: readonly number[], b: number) =>
  pixelsOf(values, CHANNELS).slice(16 * b, 16 * b + 16);

test('subspace iterations come to the singular vectors where their values lie apart', (t) => {
  const values = spread(0.37, 0.1);
  const found = singularVectors(tf, tensor(values), 4, 30).arraySync();
  for (let b = 0; b < 4; b += 1) {
    for (const [k, wanted] of eigenvectors(productsOf(imageOf(values, b))).entries()) {
      const cosine = wanted.reduce((sum, x, i) => sum + x * (found[b]?.[i]?.[k] ?? NaN), 0);
      t.true(Math.abs(cosine) > 1 - 1e-4, `image ${b}, vector ${k}: ${cosine}`);
    }
  }
  const eight = singularVectors(tf, tensor(values), 1, 8).arraySync();
  const [first = []] = eigenvectors(productsOf(imageOf(values, 0)));
  const cosine = first.reduce((sum, x, i) => sum + x * (eight[0]?.[i]?.[0] ?? NaN), 0);
  t.true(Math.abs(cosine) > 1 - 1e-4, `eight iterations: ${cosine}`);
});

test('of a student’s vectors the nearest is taken, turned to the teacher’s side', (t) => {
  const wanted = tf.tensor3d([[[0.1], [0.2], [-0.9], [0.3]]]);
  const vectors = tf.eye(4).expandDims<tf.Tensor3D>(0);
  const found = aligned({ tf, withoutGradient }, vectors, wanted).arraySync();
  t.deepEqual(found, [[[0], [0], [-1], [0]]]);
});

/** First vectors of a teacher's stages; of a student's, those nearest to them, with their sign. */
function lossOf(own: readonly number[][], wanted: readonly number[][]): number {
  let loss = 0;
  for (let b = 0; b < 4; b += 1) {
    const theirs = wanted.map((map) => {
      const [first = []] = eigenvectors(productsOf(imageOf(map, b)));
      // The iterations start from equal values, and keep that side.
      return first.reduce((sum, x) => sum + x, 0) < 0 ? first.map((x) => -x) : first;
    });
    const ours = own.map((map, stage) => {
      const cosine = (vector: readonly number[]): number =>
        vector.reduce((sum, x, i) => sum + x * (theirs[stage]?.[i] ?? NaN), 0);
      const nearest = eigenvectors(productsOf(imageOf(map, b))).reduce((best, vector) =>
        Math.abs(cosine(vector)) > Math.abs(cosine(best)) ? vector : best,
      );
      return nearest.map((x) => x * Math.sign(cosine(nearest)));
    });
    const nearness = ([before = [], after = []]: readonly number[][]): number[] =>
      after.flatMap((x) => before.map((y) => Math.exp(-((x - y) ** 2) / 8)));
    const other = nearness(theirs);
    for (const [i, s] of nearness(ours).entries()) loss += (s - (other[i] ?? NaN)) ** 2;
  }
  return loss / 4;
}

const taught = [spread(0.53, 0.3), spread(0.29, 0.9)] as const;
const behind = spread(0.23, 0.6);
const known = (first: tf.Tensor, second: tf.Tensor): Knowledge => {
  return { ...unread, maps: [stem, first, second] as tf.Tensor4D[] };
};

test(agrees, 'kdsvd with many iterations', {
  ...{ of: 'fs', x: tensor(spread(0.41, 0.7)) },
  student: (x) => known(x, tensor(behind)),
  teacher: known(tensor(taught[0]), tensor(taught[1])),
  terms: [distillerSchema.parse({ name: 'kdsvd', iterations: 30 })],
  definition: (x) => lossOf([[...x], behind], taught),
});
