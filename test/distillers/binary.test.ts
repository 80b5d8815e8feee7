/** The losses of heads that each decide on one class, against their definition in double precision. */
import test from 'ava';

import type { Knowledge } from '../../distillers/contract.ts';
import { tf } from '../../learning/engine/backend.ts';
import { distillerSchema } from '../../study/distillers.ts';
import { CLASSES, input, labels, LATE, logits, objectiveOf, unread, type Case } from './golden.ts';
import { agrees, logSoftmaxOf, meanOf, numbersOf } from './oracle.ts';

const RIGHT = [0, 3, 2, 4];
const teacher: Knowledge = { ...unread, logits: input('zt') };
const onLogits = { of: 'zs', student: logits, teacher } as const;
const alone = (name: string, options: object = {}): Case => ({
  ...onLogits,
  terms: [distillerSchema.parse({ name, weight: 1, ...options })],
});

const sigmoid = (u: number): number => 1 / (1 + Math.exp(-u));
const rowsOf = (x: readonly number[]): number[][] =>
  RIGHT.map((_, row) => x.slice(row * CLASSES, (row + 1) * CLASSES));

/** Σ_k BCE_k, the positive answer weighing C − 1, targets smoothed over a head's two answers. */
function crossEntropies(x: readonly number[], smoothing: number): number {
  const images = rowsOf(x).map((row, image) => {
    const heads = row.map((u, k) => {
      const target = (k === RIGHT[image] ? 1 - smoothing : 0) + smoothing / 2;
      const inFavour = (CLASSES - 1) * target * Math.log(sigmoid(u));
      return -inFavour - (1 - target) * Math.log(1 - sigmoid(u));
    });
    return heads.reduce((sum, value) => sum + value, 0);
  });
  return meanOf(images);
}

function divergences(x: readonly number[], T: number): number {
  const taught = rowsOf(numbersOf('zt'));
  const images = rowsOf(x).map((row, image) => {
    const q = logSoftmaxOf(taught[image] ?? [], T).map(Math.exp);
    const heads = row.map((u, k) => {
      const [wanted = 0, p] = [q[k], sigmoid(u / T)];
      return wanted * Math.log(wanted / p) + (1 - wanted) * Math.log((1 - wanted) / (1 - p));
    });
    return meanOf(heads);
  });
  return T ** 2 * meanOf(images);
}

test(agrees, 'binary_ce', { ...alone('binary_ce'), definition: (x) => crossEntropies(x, 0) });
test(agrees, 'binary_ce, smoothed', {
  ...alone('binary_ce', { smoothing: 0.1 }),
  definition: (x) => crossEntropies(x, 0.1),
});
test(agrees, 'binary_kd', { ...alone('binary_kd'), definition: (x) => divergences(x, 4) });
test(agrees, 'binary_kd at T = 1', {
  ...alone('binary_kd', { temperature: 1 }),
  definition: (x) => divergences(x, 1),
});

test('both stay finite where a head or the teacher is sure', (t) => {
  const sure = tf.tensor2d(
    RIGHT.flatMap(() => [300, 0, 0, 0, -300]),
    [4, CLASSES],
  );
  for (const name of ['binary_ce', 'binary_kd']) {
    const objective = objectiveOf(alone(name));
    const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => {
      const known = { ...unread, logits: sure };
      const fed = objective.feedsAt(LATE);
      return objective.loss({ labels, fed, student: logits(x), teacher: known }).total;
    })(tf.reverse(sure, 1));
    const values = [...value.dataSync(), ...grad.dataSync()];
    t.true(values.every(Number.isFinite), `${name}: ${values.join(' ')}`);
    objective.dispose();
  }
});
