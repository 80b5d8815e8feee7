import test from 'ava';

import { tf } from '../../../learning/engine/backend.ts';
import { convolve } from '../../../learning/engine/convolution.ts';
import { depthwise, depthwiseBy, stockProducts } from '../../../learning/engine/depthwise.ts';
import {
  convolveGroups,
  groupByGroup,
  shuffleChannels,
  transposeChannels,
} from '../../../learning/engine/grouped.ts';
import { operation, integers } from '../../../learning/engine/operation.ts';
import { averagePool } from '../../../learning/engine/pooling.ts';
import { randomTensor } from '../networks.ts';

type Shape = {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  /** Channels of all groups. */
  readonly inputs: number;
  readonly outputs: number;
  readonly groups: number;
  readonly size: 1 | 3;
  readonly stride: number;
};

type Convolve = (x: tf.Tensor4D, kernel: tf.Tensor4D) => tf.Tensor4D;

function outputShape({ batch, height, width, outputs, stride }: Shape): tf.Tensor4D['shape'] {
  return [batch, Math.ceil(height / stride), Math.ceil(width / stride), outputs];
}

/** Calls `visit` for every product of the convolution: indices into x, kernel and y. */
function overProducts(shape: Shape, visit: (x: number, kernel: number, y: number) => void): void {
  const { batch, height, width, inputs, outputs, groups, size, stride } = shape;
  const [, rows, columns] = outputShape(shape);
  const margin = (size - 1) / 2;
  const perGroup = inputs / groups;
  for (let at = 0; at < batch * rows * columns; at += 1) {
    const [image, row, column] = [
      Math.floor(at / (rows * columns)),
      Math.floor(at / columns) % rows,
      at % columns,
    ];
    for (let tap = 0; tap < size ** 2; tap += 1) {
      const y = row * stride + Math.floor(tap / size) - margin;
      const x = column * stride + (tap % size) - margin;
      if (y < 0 || y >= height || x < 0 || x >= width) continue;
      const from = ((image * height + y) * width + x) * inputs;
      for (let o = 0; o < outputs; o += 1) {
        const group = Math.floor(o / (outputs / groups));
        for (let i = 0; i < perGroup; i += 1) {
          visit(from + group * perGroup + i, (tap * perGroup + i) * outputs + o, at * outputs + o);
        }
      }
    }
  }
}

/** The convolution and both gradients by their definition, summed in float64. */
function byDefinition(shape: Shape, tensors: readonly tf.Tensor[]) {
  const [x, kernel, dy] = tensors.map((tensor) => tensor.dataSync<'float32'>()) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const y = new Float64Array(dy.length);
  const dx = new Float64Array(x.length);
  const dKernel = new Float64Array(kernel.length);
  overProducts(shape, (a, k, b) => {
    y[b] = (y[b] ?? 0) + (x[a] ?? 0) * (kernel[k] ?? 0);
    dx[a] = (dx[a] ?? 0) + (dy[b] ?? 0) * (kernel[k] ?? 0);
    dKernel[k] = (dKernel[k] ?? 0) + (dy[b] ?? 0) * (x[a] ?? 0);
  });
  return { y, dx, dKernel };
}

/** Largest error relative to the largest value. */
function relativeError(actual: tf.Tensor, expected: Float64Array): number {
  const values = actual.dataSync<'float32'>();
  const peak = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const errors = expected.map((value, index) => Math.abs(value - (values[index] ?? NaN)));
  return errors.reduce((most, error) => Math.max(most, error), 0) / peak;
}

function described({ batch, height, width, inputs, outputs, groups, size, stride }: Shape): string {
  const maps = `${batch} maps of ${height} × ${width}`;
  const kernel = `${size} × ${size} at stride ${stride}`;
  return `${maps}, ${inputs} to ${outputs} channels in ${groups} groups, ${kernel}`;
}

const asDefined = test.macro({
  title: (_, name: string, shape: Shape) =>
    `${name}, ${described(shape)}: as the definition to 1e-6`,
  exec: (t, _name: string, shape: Shape, convolve: Convolve) => {
    const { batch, height, width, inputs, outputs, groups, size } = shape;
    const x = randomTensor<tf.Rank.R4>([batch, height, width, inputs]);
    const kernel = randomTensor<tf.Rank.R4>([size, size, inputs / groups, outputs], 'kernel');
    const dy = randomTensor<tf.Rank.R4>(outputShape(shape), 'slopes');
    const { value, grads } = tf.valueAndGrads((a, b) =>
      convolve(a as tf.Tensor4D, b as tf.Tensor4D),
    )([x, kernel], dy);
    t.deepEqual(value.shape, dy.shape);
    t.deepEqual(grads[1]?.shape, kernel.shape);
    const expected = byDefinition(shape, [x, kernel, dy]);
    for (const [name, actual] of Object.entries({ y: value, dx: grads[0], dKernel: grads[1] })) {
      const error = relativeError(actual as tf.Tensor, expected[name as keyof typeof expected]);
      t.true(error < 1e-6, `${name} is off by ${error}`);
    }
  },
});

const maps = (batch: number, height: number, width: number) => ({ batch, height, width });

for (const [channels, stride, place] of [
  [5, 1, maps(2, 6, 7)],
  [16, 1, maps(2, 8, 8)],
  [24, 2, maps(2, 8, 8)],
  [54, 2, maps(3, 9, 7)],
  [72, 1, maps(1, 1, 1)],
  [58, 1, maps(40, 4, 4)],
  [16, 2, maps(1, 1, 5)],
  [33, 1, maps(5, 32, 32)],
] as const) {
  const groups = { inputs: channels, outputs: channels, groups: channels };
  const shape: Shape = { ...place, ...groups, size: 3, stride };
  test(asDefined, 'depthwise', shape, (x, kernel) => depthwise(x, kernel, stride));
  test(asDefined, "depthwise by TensorFlow's kernels", shape, (x, kernel) =>
    depthwiseBy(stockProducts(stride), x, kernel),
  );
}

for (const [inputs, outputs, groups, place] of [
  [54, 216, 3, maps(2, 16, 16)],
  [240, 60, 3, maps(3, 5, 7)],
  [60, 240, 3, maps(1, 2, 3)],
  [12, 9, 3, maps(2, 4, 4)],
  [64, 64, 2, maps(9, 8, 8)],
] as const) {
  const shape: Shape = { ...place, inputs, outputs, groups, size: 1, stride: 1 };
  const grouping = { groups, stride: 1 };
  test(asDefined, 'grouped', shape, (x, kernel) => convolveGroups(x, kernel, grouping));
  test(asDefined, 'group by group', shape, (x, kernel) => groupByGroup(x, kernel, grouping));
}

for (const [inputs, outputs, stride, place] of [
  [8, 16, 2, maps(1, 16, 16)],
  [24, 10, 2, maps(3, 7, 5)],
  [4, 4, 3, maps(2, 9, 8)],
] as const) {
  const shape: Shape = { ...place, inputs, outputs, groups: 1, size: 1, stride };
  test(asDefined, 'one group at a stride', shape, (x, kernel) => convolve(x, kernel, stride));
}

test('a mean of neighbours counts the zeros beyond the edges', (t) => {
  const place = { ...maps(2, 6, 8), inputs: 20, outputs: 20, groups: 20 };
  const shape: Shape = { ...place, size: 3, stride: 2 };
  const x = randomTensor<tf.Rank.R4>([2, 6, 8, 20]);
  const dy = randomTensor<tf.Rank.R4>(outputShape(shape), 'slopes');
  const share = tf.fill([3, 3, 1, 20], 1 / 9);
  const expected = byDefinition(shape, [x, share, dy]);
  const { value, grad } = tf.valueAndGrad((a: tf.Tensor4D) => averagePool(a))(x, dy);
  t.true(relativeError(value, expected.y) < 1e-6);
  t.true(relativeError(grad, expected.dx) < 1e-6);
  const corner = tf.slice(averagePool(tf.ones([1, 4, 4, 16])), [0, 0, 0, 0], [1, 1, 1, 1]);
  t.true(Math.abs((corner.dataSync<'float32'>()[0] ?? NaN) - 4 / 9) < 1e-6);
});

test('a shuffle lets every group meet the others, and its gradient leads back', (t) => {
  const x = tf.reshape<tf.Rank.R4>(tf.range(0, 2 * 6), [1, 2, 1, 6]);
  const shuffled = shuffleChannels(x, 3);
  t.deepEqual([...shuffled.dataSync()], [0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11]);
  t.is(shuffleChannels(x, 1), x);
  const wide = randomTensor<tf.Rank.R4>([3, 5, 4, 60]);
  const slopes = randomTensor<tf.Rank.R4>([3, 5, 4, 60], 'slopes');
  const by = (shuffle: typeof shuffleChannels) =>
    tf.valueAndGrad((a) => shuffle(a as tf.Tensor4D, 3))(wide, slopes);
  const [ours, plain] = [by(shuffleChannels), by(transposeChannels)];
  t.deepEqual([...ours.value.dataSync()], [...plain.value.dataSync()]);
  t.deepEqual([...ours.grad.dataSync()], [...plain.grad.dataSync()]);
});

test('shapes that the kernels are not made for are an error that says so', (t) => {
  const maps = tf.zeros([1, 4, 4, 12]);
  const stride = [integers('stride', 1)];
  const depthwise = { message: /expects maps \[N, H, W, channels\] and a filter \[3, 3, 1/ };
  const kernel = tf.zeros([3, 3, 1, 12]);
  const refused = (name: string, inputs: tf.Tensor[]): void => {
    t.throws(() => operation(name, stride, inputs), depthwise, name);
  };
  refused('KdxDepthwise', [maps, tf.zeros([3, 3, 1, 8])]);
  refused('KdxDepthwise', [maps, tf.zeros([5, 5, 1, 12])]);
  refused('KdxDepthwise', [tf.zeros([4, 12]), kernel]);
  refused('KdxDepthwiseInputGradient', [maps, kernel, tf.zeros([1, 2, 4, 12])]);
  refused('KdxDepthwiseFilterGradient', [maps, tf.zeros([1, 4, 4, 8])]);
  const groups = [integers('groups', 5)];
  const grouped = { message: /channels that the groups divide/ };
  t.throws(() => operation('KdxShuffle', groups, [maps]), grouped);
  const three = [integers('groups', 3)];
  const filter = (inputs: number, outputs: number) => tf.zeros([1, 1, inputs, outputs]);
  t.throws(() => operation('KdxGrouped', three, [maps, filter(3, 12)]), grouped);
  t.throws(() => operation('KdxGrouped', three, [maps, filter(4, 8)]), grouped);
  t.throws(() => operation('KdxGroupedInputGradient', three, [maps, filter(4, 9)]), grouped);
  t.throws(
    () => operation('KdxGroupedFilterGradient', three, [maps, tf.zeros([1, 4, 2, 12])]),
    grouped,
  );
});
