/** Methods that read maps before their ReLU. */
import test from 'ava';

import type { Knowledge } from '../../distillers/contract.ts';
import { negativeMeans, partialDistance } from '../../distillers/ofd.ts';
import { tf } from '../../learning/engine/backend.ts';
import { withoutGradient } from '../../learning/engine/gradients.ts';
import { distillerSchema } from '../../study/distillers.ts';
import { golden, input, stem, unread, type Case, type Fixture } from './golden.ts';
import { agrees, linearOf, normOf, numbersOf, pixelsOf, type Parameters } from './oracle.ts';

const alone = (name: string, options: object = {}): Pick<Case, 'terms'> => ({
  terms: [distillerSchema.parse({ name, weight: 1, ...options })],
});

const MARGINS = [-0.8, -0.5, -0.3];
const GAMMA = [1, 0.5, -0.8, 0.1];
const BETA = [0, 0.3, -0.4, 0.9];

test('the margins of OFD are those of the reference', (t) => {
  const { value } = golden.fixtures['OFD_margin'] as unknown as { readonly value: number[] };
  const found = negativeMeans(tf, { gamma: tf.tensor1d(GAMMA), beta: tf.tensor1d(BETA) });
  for (const [index, margin] of (found.arraySync() as number[]).entries()) {
    t.true(Math.abs(margin - (value[index] ?? NaN)) < 1e-5, `${margin}, not ${value[index]}`);
  }
  const dead = negativeMeans(tf, { gamma: tf.zeros([3]), beta: tf.tensor1d([-1, 0, 1]) });
  t.true((dead.arraySync() as number[]).every(Number.isFinite), 'a channel of no deviation');
});

/** Compares the value and the gradient of a loss of the student's map with a fixture. */
const hasFixture = test.macro<[string, string, (x: tf.Tensor4D) => tf.Scalar]>({
  title: (_, name) => `${name} has the value and the gradient of the reference`,
  exec: (t, name, of, loss) => {
    const { value, gradient } = golden.fixtures[name] as Fixture;
    const result = tf.valueAndGrad((x: tf.Tensor) => loss(x as tf.Tensor4D))(input(of));
    t.true(Math.abs(result.value.arraySync() - value) <= 1e-5 * value);
    const slopes = result.grad.dataSync<'float32'>();
    for (const [index, wanted] of gradient.first4.entries()) {
      t.true(Math.abs((slopes[index] ?? NaN) - wanted) <= 1e-4 * gradient.l2);
    }
    t.true(
      Math.abs((tf.norm(result.grad).arraySync() as number) - gradient.l2) <= 1e-4 * gradient.l2,
    );
  },
});
test(hasFixture, 'OFD_last_layer', 'fs', (x) =>
  partialDistance({ tf, withoutGradient }, x, input('ft'), tf.tensor1d(MARGINS)),
);

const before = (first: tf.Tensor, second: tf.Tensor): Knowledge => {
  const stages = [first, second] as tf.Tensor4D[];
  const affine = { gamma: tf.tensor1d(GAMMA.slice(0, 3)), beta: tf.tensor1d(BETA.slice(0, 3)) };
  return { ...unread, maps: [stem, ...stages], preActivations: stages, norms: [affine, affine] };
};

/** What one stage of the student is apart from the teacher's, over the images. */
function partialOf(x: readonly number[], taught: string, p: Parameters, name: string): number {
  const raw = linearOf(pixelsOf(x, 3), p[`${name}/kernel`] ?? []);
  const own = normOf(raw, p[`${name}/norm/gamma`] ?? [], p[`${name}/norm/beta`] ?? []);
  const teacher = pixelsOf(numbersOf(taught), 3);
  const { value: margins } = golden.fixtures['OFD_margin'] as unknown as { value: number[] };
  let sum = 0;
  for (const [index, pixel] of own.entries()) {
    for (const [c, s] of pixel.entries()) {
      const [t, m] = [teacher[index]?.[c] ?? NaN, margins[c] ?? NaN];
      if (t <= m) sum += s > m ? (s - m) ** 2 : 0;
      else if (t > 0 || s > t) sum += (s - t) ** 2;
    }
  }
  return sum / 4;
}

test(agrees, 'ofd', {
  ...{ of: 'fs', student: (x: tf.Tensor) => before(input('fs8'), x), ...alone('ofd') },
  teacher: before(input('ft8'), input('ft')),
  definition: (x, p) =>
    partialOf(numbersOf('fs8'), 'ft8', p, 'stage1/connector') / 2 +
    partialOf(x, 'ft', p, 'stage2/connector'),
});
