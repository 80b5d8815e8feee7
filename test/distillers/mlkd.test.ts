/** Logits of two views, at several levels. */
import test from 'ava';

import type { Knowledge } from '../../distillers/contract.ts';
import { lowerHalf, ofBatch, ofClasses } from '../../distillers/mlkd.ts';
import { tf } from '../../learning/engine/backend.ts';
import { distillerSchema } from '../../study/distillers.ts';
import { golden, input, logits, objectiveOf, type Fixture } from './golden.ts';
import { agrees, divergenceOf, logSoftmaxOf, meanOf, numbersOf, pixelsOf } from './oracle.ts';

const RIGHT = [0, 3, 2, 4];
const LEVELS = { MLKD_class: ofClasses, MLKD_batch: ofBatch };

for (const [name, level] of Object.entries(LEVELS)) {
  test(`${name} has the value and the gradient of the reference`, (t) => {
    const { value, gradient, tolerance } = golden.fixtures[name] as Fixture;
    const teacher = input<tf.Tensor2D>('zt');
    const result = tf.valueAndGrad((x: tf.Tensor) =>
      tf.sum<tf.Scalar>(level(tf, [x as tf.Tensor2D, teacher], 4)),
    )(input('zs'));
    t.true(Math.abs(result.value.arraySync() - value) <= tolerance * value);
    const within = 1e-4 * gradient.l2;
    t.true(Math.abs((tf.norm(result.grad).arraySync() as number) - gradient.l2) <= within);
    for (const [index, wanted] of gradient.first4.entries()) {
      t.true(Math.abs((result.grad.dataSync()[index] ?? NaN) - wanted) <= within);
    }
  });
}

test('the lower half is what is not above the median, of even and of odd numbers', (t) => {
  const half = (values: number[]) => [...lowerHalf(tf, tf.tensor1d(values)).dataSync()];
  t.deepEqual(half([3, 1, 4, 2]), [0, 1, 0, 1]);
  t.deepEqual(half([3, 1, 2]), [0, 1, 1]);
  t.deepEqual(half([5, 5, 5, 5]), [1, 1, 1, 1]);
});

type Rows = readonly (readonly number[])[];
const medianOf = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) / 2;
  return meanOf([sorted[Math.floor(at)] ?? NaN, sorted[Math.ceil(at)] ?? NaN]);
};
const lower = (values: readonly number[]): number[] =>
  values.map((value) => Number(value <= medianOf(values)));
const chancesOf = (z: Rows, temperature = 1): number[][] =>
  z.map((row) => logSoftmaxOf(row, temperature).map(Math.exp));
const columns = (rows: Rows): number[][] =>
  (rows[0] ?? []).map((_, column) => rows.map((row) => row[column] ?? NaN));
/** Products of all rows with all rows. */
const gram = (rows: Rows): number[][] =>
  rows.map((a) => rows.map((b) => a.reduce((sum, value, i) => sum + value * (b[i] ?? NaN), 0)));

/** What the method adds to cross-entropy of the weak view, in double precision. */
function definitionOf(weak: Rows, strong: Rows, asPublished: boolean): number {
  const [weakly, strongly] = [pixelsOf(numbersOf('zt'), 5), pixelsOf(TEACHER_STRONG, 5)];
  const certain = chancesOf(weakly);
  const images = lower(certain.map((row) => Math.max(...row)));
  const classes = lower(columns(certain).map((column) => column.reduce((a, b) => a + b)));
  const kl = (own: Rows, wanted: Rows, temperature: number): number[] =>
    own.map((z, b) => temperature ** 2 * divergenceOf(wanted[b] ?? [], z, temperature));
  const apart = (own: Rows, wanted: Rows, mask: readonly number[]): number => {
    const [a, b] = [gram(own), gram(wanted)];
    const terms = a.map((row, i) => row.map((value, j) => (value - (b[i]?.[j] ?? NaN)) ** 2));
    const sum = (weigh: (j: number) => number): number =>
      terms.reduce((all, row) => all + row.reduce((s, value, j) => s + value * weigh(j), 0), 0);
    const total = asPublished ? sum(() => 1) * meanOf(mask) : sum((j) => mask[j] ?? NaN);
    return total / own.length;
  };
  let sum = 0;
  for (const [index, temperature] of [4, 3, 5, 2, 6].entries()) {
    const losses = kl(weak, weakly, temperature);
    sum += asPublished
      ? meanOf(losses) * meanOf(images)
      : meanOf(losses.map((loss, b) => loss * (images[b] ?? NaN)));
    const [own, wanted] = [chancesOf(weak, temperature), chancesOf(weakly, temperature)];
    sum += apart(columns(own), columns(wanted), classes) + apart(own, wanted, images);
    const moved = asPublished && index >= 3;
    sum += meanOf(moved ? losses : kl(strong, strongly, temperature));
  }
  const entropy = meanOf(strong.map((z, b) => -(logSoftmaxOf(z)[RIGHT[b] ?? 0] ?? NaN)));
  return 0.1 * entropy + 0.9 * sum;
}

const TEACHER_STRONG = numbersOf('zt').toReversed();
/** The strong view’s logits: other ones, out of the same input. */
const strongly = (x: readonly number[]): number[] =>
  x.map((value) => 0.7 * value + 0.2).toReversed();

for (const asPublished of [false, true]) {
  test(agrees, `mlkd${asPublished ? ' as it was published' : ''}`, {
    ...{ of: 'zs', student: logits, teacher: logits(input('zt')) },
    terms: [distillerSchema.parse({ name: 'mlkd', asPublished })],
    strong: (x: tf.Tensor) => ({
      student: logits(
        tf.reshape(tf.reverse(tf.reshape(tf.add(tf.mul(x, 0.7), 0.2), [20])), [4, 5]),
      ),
      teacher: logits(tf.tensor2d(TEACHER_STRONG, [4, 5])),
    }),
    definition: (x) => definitionOf(pixelsOf(x, 5), pixelsOf(strongly(x), 5), asPublished),
  });
}

test('mlkd does not read what a cache has: the teacher has to see the strong views', (t) => {
  const knowledge: Knowledge = logits(input('zt'));
  const objective = objectiveOf({
    ...{ of: 'zs', student: logits, teacher: knowledge },
    terms: [distillerSchema.parse({ name: 'mlkd' })],
  });
  t.is(objective.teacher, 'features');
  t.true(objective.readsStrongView);
  objective.dispose();
});
