import test from 'ava';

import { tf } from '../../../learning/engine/backend.ts';
import { convolve } from '../../../learning/engine/convolution.ts';
import { dropout } from '../../../learning/engine/dropout.ts';
import { withoutGradient } from '../../../learning/engine/gradients.ts';
import { maxPool } from '../../../learning/engine/pooling.ts';
import { distance, randomTensor } from '../networks.ts';

type Assert = { true(value: boolean, message?: string): boolean };

/** Values and gradients of two functions of the same inputs, under a random weighing of outputs. */
function sameWithGradients(
  t: Assert,
  inputs: tf.Tensor[],
  actual: (...inputs: tf.Tensor[]) => tf.Tensor,
  expected: (...inputs: tf.Tensor[]) => tf.Tensor,
): void {
  const [value, reference] = [actual(...inputs), expected(...inputs)];
  t.true(distance([...value.dataSync()], [...reference.dataSync()]) < 1e-4, 'values');
  const probe = randomTensor(value.shape as [number, number], 'probe');
  const gradients = [actual, expected].map((f) =>
    tf.grads((...xs: tf.Tensor[]) => tf.sum(tf.mul(f(...xs), probe)))(inputs),
  ) as [tf.Tensor[], tf.Tensor[]];
  for (const [index, gradient] of gradients[0].entries()) {
    const wanted = gradients[1][index] as tf.Tensor;
    const error = distance([...gradient.dataSync()], [...wanted.dataSync()]);
    t.true(error < 1e-3, `gradient ${index} is off by ${error}`);
  }
}

for (const [size, stride] of [
  [3, 1],
  [3, 2],
  [1, 1],
  [1, 2],
] as const) {
  test(`a ${size} × ${size} convolution of stride ${stride} pads both sides alike`, (t) => {
    const x = randomTensor<tf.Rank.R4>([2, 8, 8, 3]);
    const kernel = randomTensor<tf.Rank.R4>([size, size, 3, 5], 'kernel');
    const margin = (size - 1) / 2;
    const pads: [number, number][] = [
      [0, 0],
      [margin, margin],
      [margin, margin],
      [0, 0],
    ];
    sameWithGradients(
      t,
      [x, kernel],
      (a, b) => convolve(a as tf.Tensor4D, b as tf.Tensor4D, stride),
      (a, b) => tf.conv2d(tf.pad(a, pads) as tf.Tensor4D, b as tf.Tensor4D, stride, 'valid'),
    );
  });
}

test('a first layer has the same kernel gradient without that of the images', (t) => {
  const x = randomTensor<tf.Rank.R4>([2, 8, 8, 3]);
  const kernel = randomTensor<tf.Rank.R4>([3, 3, 3, 5], 'kernel');
  const gradient = (needsInputGradient: boolean): number[] => {
    const f = (w: tf.Tensor): tf.Tensor =>
      tf.sum(tf.square(convolve(x, w as tf.Tensor4D, 1, needsInputGradient)));
    return [...tf.grad(f)(kernel).dataSync()];
  };
  t.deepEqual(gradient(false), gradient(true));
});

test('ReLU, mean, sum and maximum have the gradients of their definitions', (t) => {
  const x = tf.tensor4d([-1, 2, 3, 0.5], [1, 2, 2, 1]);
  const gradientOf = (f: (x: tf.Tensor) => tf.Tensor): number[] => [...tf.grad(f)(x).dataSync()];
  t.deepEqual(
    gradientOf((y) => tf.relu(y)),
    [0, 1, 1, 1],
  );
  t.deepEqual(
    gradientOf((y) => tf.mean(y, [1, 2])),
    [0.25, 0.25, 0.25, 0.25],
  );
  t.deepEqual(
    gradientOf((y) => tf.sum(tf.square(y), 1, true)),
    [-2, 4, 6, 1],
  );
  t.deepEqual(
    gradientOf((y) => maxPool(y as tf.Tensor4D)),
    [0, 0, 1, 0],
  );
});

test('matrix products and gathers keep the results of the kernels they replace', (t) => {
  const a = tf.tensor2d([
    [1, 2],
    [3, 4],
  ]);
  const b = tf.tensor2d([
    [0, 1],
    [1, 1],
  ]);
  t.deepEqual(tf.matMul(a, b).arraySync(), [
    [2, 3],
    [4, 7],
  ]);
  t.deepEqual(tf.matMul(a, b, true, false).arraySync(), [
    [3, 4],
    [4, 6],
  ]);
  const batched = tf.matMul(tf.stack([a, b]), tf.stack([b, a]));
  t.deepEqual(batched.arraySync(), [
    [
      [2, 3],
      [4, 7],
    ],
    [
      [3, 4],
      [4, 6],
    ],
  ]);
  t.deepEqual(tf.gather(a, tf.tensor1d([1, 0, 1], 'int32')).arraySync(), [
    [3, 4],
    [1, 2],
    [3, 4],
  ]);
  const gradient = tf.grad((x) => tf.gather(x, tf.tensor1d([1, 1], 'int32')))(a);
  t.deepEqual(gradient.arraySync(), [
    [0, 0],
    [2, 2],
  ]);
});

test('what is computed without gradient is a constant to the tape', (t) => {
  const gradient = tf.grad((x) =>
    tf.mul(
      x,
      withoutGradient(() => tf.square(x)),
    ),
  )(tf.scalar(3));
  t.is(gradient.arraySync(), 9);
});

test('dropout keeps the mean, and its mask depends on seed and layer alone', (t) => {
  const ones = tf.ones<tf.Rank.R1>([20_000]);
  const seed = tf.tensor1d([4, 2], 'int32');
  const dropped = dropout(ones, 0.15, seed, 1);
  t.true(Math.abs((tf.mean(dropped).arraySync() as number) - 1) < 0.02);
  const kept = (1 / 0.85).toFixed(4);
  const values = new Set([...dropped.dataSync()].map((value) => value.toFixed(4)));
  t.deepEqual([...values].toSorted(), ['0.0000', kept]);
  t.deepEqual(dropout(ones, 0.15, seed, 1).dataSync(), dropped.dataSync());
  t.notDeepEqual(dropout(ones, 0.15, seed, 2).dataSync(), dropped.dataSync());
});
