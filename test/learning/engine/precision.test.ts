import test, { type ExecutionContext } from 'ava';

import { tf } from '../../../learning/engine/backend.ts';
import { convolve } from '../../../learning/engine/convolution.ts';
import { computeProductsIn } from '../../../learning/engine/precision.ts';
import { sgd } from '../../../learning/engine/sgd.ts';
import { createTrainer, type Engine } from '../../../learning/engine/trainer.ts';
import { HAS_AVX512 } from '../cpu.ts';
import { distance, lossOf, randomNetwork, randomTensor } from '../networks.ts';

/** Defines a test of what a product in bfloat16 is to the bit, where oneDNN has such products. */
function exact(title: string, body: (t: ExecutionContext) => void): void {
  if (HAS_AVX512) test.serial(title, body);
}

// One after another: the precision is that of the process.
test.serial.afterEach.always(() => computeProductsIn('float32'));

/** The nearest number that bfloat16 has: eight bits of a significand, ties to even. */
function rounded(value: number): number {
  const [bits = 0] = new Uint32Array(Float32Array.of(value).buffer);
  const up = (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000;
  return new Float32Array(Uint32Array.of(up).buffer)[0] as number;
}

function product(a: number, b: number): number {
  return tf.tidy(() => tf.matMul(tf.tensor2d([[a]]), tf.tensor2d([[b]])).dataSync()[0] as number);
}

exact(
  'operands and what they give are rounded to bfloat16, and only while it is asked for',
  (t) => {
    const cases = [
      [1 + 2 ** -9, 1],
      [1.2345, -2.3456],
      [3e38, 0.5],
      [7.77e-20, 8.88e10],
    ] as const;
    computeProductsIn('bfloat16');
    for (const [a, b] of cases) t.is(product(a, b), rounded(rounded(a) * rounded(b)));
    t.is(product(1 + 2 ** -9, 1), 1);
    computeProductsIn('float32');
    for (const [a, b] of cases) t.is(product(a, b), Math.fround(Math.fround(a) * Math.fround(b)));
  },
);

/** Tensors that TensorFlow holds, those that tfjs knows nothing of included. */
function handles(): number {
  const { binding } = tf.backend() as unknown as { binding: { getNumOfTensors(): number } };
  return binding.getNumOfTensors();
}

/** Forward pass and both gradients of a convolution. */
function convolution(): number[][] {
  return tf.tidy(() => {
    const image = randomTensor<tf.Rank.R4>([2, 8, 8, 4], 'image');
    const kernel = randomTensor<tf.Rank.R4>([3, 3, 4, 6], 'kernel');
    const run = (x: tf.Tensor, k: tf.Tensor) => convolve(x as tf.Tensor4D, k as tf.Tensor4D, 2);
    const [dx, dk] = tf.grads(run)([image, kernel]);
    return [run(image, kernel), dx, dk].map((tensor) => [...(tensor as tf.Tensor).dataSync()]);
  });
}

exact('a convolution and both its gradients give what bfloat16 can hold, near float32', (t) => {
  const exact = convolution();
  computeProductsIn('bfloat16');
  const before = handles();
  const coarse = convolution();
  t.is(handles(), before, 'what lies between the casts is given back');
  for (const [index, values] of coarse.entries()) {
    t.deepEqual(values, values.map(rounded));
    const wanted = exact[index] as number[];
    const size = Math.max(...wanted.map(Math.abs));
    const error = distance(values, wanted) / size;
    t.true(error > 0 && error < 0.01, `output ${index} is off by ${error}`);
  }
});

test.serial('values between products stay float32', (t) => {
  computeProductsIn('bfloat16');
  const sum = tf.tidy(() => tf.add(1, tf.scalar(2 ** -20)).dataSync()[0]);
  t.is(sum, 1 + 2 ** -20);
});

const STEPS = 8;

/** Losses and weights of a short training. */
function train(engine: Engine): { losses: number[]; weights: number[] } {
  const network = randomNetwork({ imageSize: 16 });
  const parameters = [...network.trainable.values()];
  const trainer = createTrainer({
    engine,
    optimizer: sgd({ parameters, momentum: 0.9, weightDecay: 5e-4 }),
    rates: (feeds) => {
      const rate = feeds['rate'] as tf.Scalar;
      return { weights: rate, gates: rate, vam: rate };
    },
    loss: ({ images }) => ({
      total: lossOf(network, images as tf.Tensor4D, { mode: 'train' }),
    }),
  });
  const losses = Array.from({ length: STEPS }, (_, step) => {
    const images = randomTensor<tf.Rank.R4>([8, 16, 16, 3], `images/${step % 2}`);
    const feeds = { images, rate: tf.scalar(0.02) };
    const outputs = trainer.step(feeds);
    const [loss = Number.NaN] = (outputs['total'] as tf.Scalar).dataSync();
    tf.dispose([outputs, feeds]);
    return loss;
  });
  trainer.dispose();
  const weights = parameters.flatMap(({ variable }) => [...variable.dataSync()]);
  network.dispose();
  return { losses, weights };
}

/** ‖a − b‖ ÷ ‖b‖. */
function relativeDistance(a: readonly number[], b: readonly number[]): number {
  const difference = a.map((value, index) => value - (b[index] as number));
  return Math.hypot(...difference) / Math.hypot(...b);
}

for (const engine of ['eager', 'recorded'] as const) {
  test.serial(
    `a training in bfloat16 repeats to the bit and stays near float32 (${engine})`,
    (t) => {
      const exact = train(engine);
      computeProductsIn('bfloat16');
      const first = train(engine);
      const second = train(engine);
      t.deepEqual(second, first);
      t.notDeepEqual(first.losses, exact.losses, 'the precision is in effect');
      const losses = relativeDistance(first.losses, exact.losses);
      const weights = relativeDistance(first.weights, exact.weights);
      t.log(`losses ${losses}, weights ${weights} away from float32`);
      t.true(losses < 0.02, `losses are ${losses} away`);
      t.true(weights < 0.02, `weights are ${weights} away`);
    },
  );
}
