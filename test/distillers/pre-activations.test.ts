/** Methods that read maps before their ReLU. */
import test from 'ava';

import type { Knowledge } from '../../distillers/contract.ts';
import { negativeMeans, partialDistance } from '../../distillers/ofd.ts';
import { hierarchicalContextLoss } from '../../distillers/reviewkd.ts';
import { tf } from '../../learning/engine/backend.ts';
import { withoutGradient } from '../../learning/engine/gradients.ts';
import { distillerSchema } from '../../study/distillers.ts';
import { golden, input, stem, unread, type Case, type Fixture } from './golden.ts';
import {
  agrees,
  convolutionOf,
  linearOf,
  meanOf,
  normOf,
  numbersOf,
  pixelsOf,
  type Grid,
  type Parameters,
} from './oracle.ts';

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
test(hasFixture, 'HCL', 'fs', (x) => hierarchicalContextLoss(tf, x, input('ft')));
test(hasFixture, 'HCL_double_size', 'fs8', (x) => hierarchicalContextLoss(tf, x, input('ft8')));

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

/** Of every image: pixels in squares of `ratio` × `ratio`, as each pixel's value or their mean. */
function resized({ size, pixels }: Grid, wanted: number): Grid {
  const at = (b: number, y: number, x: number) => pixels[(b * size + y) * size + x] ?? [];
  const count = pixels.length / size ** 2;
  const ratio = size / wanted;
  const value = (b: number, y: number, x: number): number[] => {
    if (ratio <= 1) return [...at(b, Math.floor(y * ratio), Math.floor(x * ratio))];
    const inside = Array.from({ length: ratio ** 2 }, (_, i) =>
      at(b, y * ratio + Math.floor(i / ratio), x * ratio + (i % ratio)),
    );
    return (inside[0] ?? []).map((_, c) => meanOf(inside.map((pixel) => pixel[c] ?? NaN)));
  };
  const made = Array.from({ length: count * wanted ** 2 }, (_, i) =>
    value(Math.floor(i / wanted ** 2), Math.floor(i / wanted) % wanted, i % wanted),
  );
  return { size: wanted, pixels: made };
}

function contextOf(own: Grid, wanted: Grid): number {
  const sizes = [own.size, ...[4, 2, 1].filter((size) => size < own.size)];
  const losses = sizes.map((size, index) => {
    const [s, t] = [resized(own, size).pixels, resized(wanted, size).pixels];
    const squares = s.flatMap((pixel, i) => pixel.map((v, c) => (v - (t[i]?.[c] ?? NaN)) ** 2));
    return meanOf(squares) / 2 ** index;
  });
  return losses.reduce((a, b) => a + b, 0) / sizes.reduce((sum, _, i) => sum + 1 / 2 ** i, 0);
}

function reviewOf(levels: readonly Grid[], wanted: readonly Grid[], p: Parameters): number {
  let residual: Grid | undefined;
  let loss = 0;
  for (const [index, name] of ['pooled', 'stage2', 'stage1'].entries()) {
    const [own, other] = [levels[2 - index], wanted[2 - index]] as [Grid, Grid];
    const read = (what: string) => p[`${name}/${what}`] ?? [];
    const raw = linearOf(own.pixels, read('entry/kernel'));
    let pixels = normOf(raw, read('entry/norm/gamma'), read('entry/norm/beta'));
    if (residual !== undefined) {
      const deeper = resized(residual, own.size).pixels;
      const both = pixels.map((pixel, i) => [...pixel, ...(deeper[i] ?? [])]);
      const logits = linearOf(both, read('attention/kernel'), p[`${name}/attention/bias`]);
      pixels = pixels.map((pixel, i) => {
        const [a = NaN, b = NaN] = (logits[i] ?? []).map((z) => 1 / (1 + Math.exp(-z)));
        return pixel.map((value, c) => value * a + (deeper[i]?.[c] ?? NaN) * b);
      });
    }
    residual = resized({ size: own.size, pixels }, other.size);
    const led = convolutionOf(residual, read('exit/kernel'));
    const output = normOf(led, read('exit/norm/gamma'), read('exit/norm/beta'));
    loss += contextOf({ size: residual.size, pixels: output }, other);
  }
  return loss;
}

const grid = (size: number, values: readonly number[], channels = 3): Grid => {
  return { size, pixels: pixelsOf(values, channels) };
};
test(agrees, 'reviewkd', {
  of: 'fs',
  student: (x) => ({
    ...{ ...unread, embedding: input('es') },
    maps: [stem, input('fs8'), x as tf.Tensor4D],
  }),
  teacher: {
    ...{ ...unread, embedding: input<tf.Tensor2D>('et') },
    maps: [stem, input<tf.Tensor4D>('ft8'), input<tf.Tensor4D>('ft')],
    preActivations: [input<tf.Tensor4D>('ft8'), input<tf.Tensor4D>('ft')],
  },
  ...alone('reviewkd'),
  definition: (x, p) =>
    reviewOf(
      [grid(8, numbersOf('fs8')), grid(4, x), grid(1, numbersOf('es'), 6)],
      [grid(8, numbersOf('ft8')), grid(4, numbersOf('ft')), grid(1, numbersOf('et'), 6)],
      p,
    ),
});
