import test from 'ava';

import { tf } from '../../../learning/engine/backend.ts';
import type { NormKernels, NormState } from '../../../learning/engine/normalisation.ts';
import {
  batchNorm,
  batchNormRelu,
  normalise,
  stockKernels,
} from '../../../learning/engine/normalisation.ts';
import { operationWithOutputs } from '../../../learning/engine/operation.ts';
import { normState, randomTensor } from '../networks.ts';
import { HAS_AVX512 } from '../cpu.ts';

type Shape = readonly [batch: number, height: number, width: number, channels: number];
type Variant = {
  readonly training: boolean;
  readonly rectified: boolean;
  readonly withAddend: boolean;
  readonly withBias: boolean;
};

/** The inputs of a batch norm and of what follows it, on the host. */
type Values = Readonly<
  Record<'x' | 'addend' | 'dy' | 'gamma' | 'beta' | 'mean' | 'variance' | 'bias', Float32Array>
>;

/** Mean and biased variance of channel c, in float64. */
function momentsOf(x: ArrayLike<number>, channels: number, c: number): readonly [number, number] {
  const rows = x.length / channels;
  const of = (f: (value: number) => number): number => {
    let sum = 0;
    for (let at = c; at < x.length; at += channels) sum += f(x[at] ?? Number.NaN);
    return sum / rows;
  };
  const mean = of((value) => value);
  return [mean, of((value) => (value - mean) ** 2)];
}

/** Batch norm, sum, ReLU and their gradients by their definition, in float64. */
function byDefinition(values: Values, channels: number, variant: Variant) {
  const { training, rectified, withAddend } = variant;
  const size = values.x.length;
  const rows = size / channels;
  const results = { y: new Float64Array(size), dx: new Float64Array(size) };
  const others = { dAddend: new Float64Array(size), dGamma: new Float64Array(channels) };
  const last = { dBeta: new Float64Array(channels), dBias: new Float64Array(channels) };
  const moved = { mean: new Float64Array(channels), variance: new Float64Array(channels) };
  const all = { ...results, ...others, ...last, ...moved };
  for (let c = 0; c < channels; c += 1) {
    const at = (name: keyof Values): number => values[name][c] ?? Number.NaN;
    const [batchMean, batchVariance] = momentsOf(values.x, channels, c);
    const centre = training ? batchMean : at('mean') - at('bias');
    const inverse = 1 / Math.sqrt((training ? batchVariance : at('variance')) + 1e-5);
    const corrected = (batchVariance * rows) / Math.max(rows - 1, 1);
    const move = (from: number, to: number): number => (training ? 0.9 * from + 0.1 * to : from);
    all.mean[c] = move(at('mean'), batchMean + at('bias'));
    all.variance[c] = move(at('variance'), corrected);
    let slopes = 0;
    let products = 0;
    const places = Array.from({ length: rows }, (_, row) => row * channels + c);
    for (const place of places) {
      const normal = ((values.x[place] ?? 0) - centre) * inverse;
      const raw =
        normal * at('gamma') + at('beta') + (withAddend ? (values.addend[place] ?? 0) : 0);
      const passes = !rectified || raw > 0;
      all.y[place] = passes ? raw : 0;
      const slope = passes ? (values.dy[place] ?? 0) : 0;
      all.dAddend[place] = slope;
      slopes += slope;
      products += slope * normal;
    }
    for (const place of places) {
      const normal = ((values.x[place] ?? 0) - centre) * inverse;
      const through = training ? slopes / rows + (normal * products) / rows : 0;
      all.dx[place] = at('gamma') * inverse * ((all.dAddend[place] ?? 0) - through);
    }
    all.dGamma[c] = products;
    all.dBeta[c] = slopes;
    all.dBias[c] = training ? 0 : slopes * at('gamma') * inverse;
  }
  return all;
}

/** Largest error, as a share of the largest value. */
function relativeError(actual: tf.Tensor, expected: Float64Array): number {
  const values = actual.dataSync<'float32'>();
  if (values.length !== expected.length) return Number.POSITIVE_INFINITY;
  const peak = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
  return expected.reduce(
    (most, value, index) => Math.max(most, Math.abs(value - (values[index] ?? Number.NaN)) / peak),
    0,
  );
}

type Compute = (x: tf.Tensor4D, state: NormState, addend?: tf.Tensor4D) => tf.Tensor4D;

/** Computes values and gradients, and what became of the running statistics. */
function computed(values: Values, shape: Shape, variant: Variant, compute: Compute) {
  const maps = (name: 'x' | 'addend' | 'dy'): tf.Tensor4D => tf.tensor4d(values[name], [...shape]);
  const vector = (name: keyof Values): tf.Variable => tf.variable(tf.tensor1d(values[name]));
  const statistics = { mean: vector('mean'), variance: vector('variance') };
  const { withAddend, withBias } = variant;
  const inputs = {
    ...{ x: maps('x'), gamma: vector('gamma'), beta: vector('beta') },
    ...(withBias ? { bias: vector('bias') } : {}),
    ...(withAddend ? { addend: maps('addend') } : {}),
  };
  const names = Object.keys(inputs);
  const { value, grads } = tf.valueAndGrads((...tensors) => {
    const named = Object.fromEntries(names.map((name, index) => [name, tensors[index]]));
    const { x, addend, ...parameters } = named as unknown as typeof inputs;
    return compute(x, { ...parameters, ...statistics }, addend);
  })(Object.values(inputs), maps('dy'));
  const gradients = names.map(
    (name, index) => [`d${name[0]?.toUpperCase()}${name.slice(1)}`, grads[index]] as const,
  );
  const { dX, ...others } = Object.fromEntries(gradients) as Record<string, tf.Tensor>;
  return { y: value, dx: dX as tf.Tensor, ...others, ...statistics };
}

function randomValues(shape: Shape, withBias: boolean): Values {
  const channels = shape[3];
  const read = (tensor: tf.Tensor): Float32Array => tensor.dataSync<'float32'>().slice();
  const { gamma, beta, mean, variance } = normState(channels);
  const maps = (name: string): Float32Array => read(randomTensor<tf.Rank.R4>([...shape], name));
  return {
    ...{ x: maps('x'), addend: maps('addend'), dy: maps('dy') },
    ...{ gamma: read(gamma), beta: read(beta), mean: read(mean), variance: read(variance) },
    bias: withBias ? read(randomTensor([channels], 'bias')) : new Float32Array(channels),
  };
}

const SHAPES: readonly Shape[] = [
  [2, 8, 8, 16],
  // Rows that do not pair up.
  [3, 5, 7, 48],
  [3, 5, 5, 10],
  [1, 3, 1, 1],
  // Several chunks, the last of them short.
  [5, 32, 30, 8],
  [40, 4, 4, 256],
];

/** TensorFlow's kernels, with what follows them as operations of their own. */
function composed(kernels: NormKernels, { training, rectified }: Variant): Compute {
  return (x, state, addend) => {
    const normalised = normalise(x, state, training, kernels);
    const sum = addend === undefined ? normalised : tf.add<tf.Tensor4D>(normalised, addend);
    return rectified ? tf.relu(sum) : sum;
  };
}

function ours({ training, rectified }: Variant): Compute {
  if (!rectified) return (x, state) => batchNorm(x, state, training);
  return (x, state, addend) => batchNormRelu(x, state, training, addend);
}

const asDefined = test.macro({
  title: (_, name: string, { training, rectified, withAddend, withBias }: Variant) =>
    [
      `${name}: batch norm in ${training ? 'training' : 'evaluation'}`,
      ...[withBias ? 'of a biased convolution' : '', withAddend ? 'plus an addend' : ''],
      rectified ? 'through ReLU' : '',
      'is what its definition says',
    ]
      .filter(Boolean)
      .join(' '),
  exec: (t, _name: string, variant: Variant, compute: Compute) => {
    for (const shape of SHAPES) {
      const values = randomValues(shape, variant.withBias);
      const expected = byDefinition(values, shape[3], variant);
      for (const [name, actual] of Object.entries(computed(values, shape, variant, compute))) {
        const error = relativeError(actual, expected[name as keyof typeof expected]);
        t.true(
          error < (HAS_AVX512 ? 3e-6 : 1e-5),
          `${name} of [${String(shape)}] is off by ${error}`,
        );
      }
    }
  },
});

for (const training of [true, false]) {
  for (const withBias of [false, true]) {
    for (const [rectified, withAddend] of [
      [false, false],
      [true, false],
      [true, true],
    ] as const) {
      const variant = { training, rectified, withAddend, withBias };
      test(asDefined, 'our kernels', variant, ours(variant));
      if (!training && !HAS_AVX512) continue;
      test(asDefined, 'TensorFlow', variant, composed(stockKernels(training), variant));
    }
  }
}

test('a mean a thousand deviations away leaves the normalised values exact to its rounding', (t) => {
  const shape: Shape = [8, 16, 16, 16];
  const random = randomValues(shape, false);
  const values = { ...random, x: random.x.map((value) => value + 1000) };
  const variant = { training: true, rectified: false, withAddend: false, withBias: false };
  const { y } = computed(values, shape, variant, ours(variant));
  const error = relativeError(y, byDefinition(values, 16, variant).y);
  t.true(error < 1e-4, `off by ${error}`);
});

test('a value that is no number is not lost in ReLU', (t) => {
  const x = tf.fill<tf.Rank.R4>([1, 8, 8, 16], Number.NaN);
  const addend = tf.zerosLike(x);
  for (const training of [true, false]) {
    for (const y of [
      batchNormRelu(x, normState(16), training),
      batchNormRelu(x, normState(16), training, addend),
    ]) {
      t.true(y.dataSync().every(Number.isNaN));
    }
  }
});

test('inputs that do not belong together are an error that says so', (t) => {
  const maps = (channels: number): tf.Tensor => tf.zeros([1, 4, 4, channels]);
  const vectors = (count: number): tf.Tensor[] =>
    Array.from({ length: count }, () => tf.ones([16]));
  const { binding } = tf.backend() as unknown as { binding: Record<string, number> };
  const attributes = (rectified: boolean, addends: number) => [
    { name: 'training', type: binding['TF_ATTR_BOOL'] as number, value: true },
    { name: 'rectified', type: binding['TF_ATTR_BOOL'] as number, value: rectified },
    { name: 'epsilon', type: binding['TF_ATTR_FLOAT'] as number, value: 1e-5 },
    { name: 'momentum', type: binding['TF_ATTR_FLOAT'] as number, value: 0.1 },
    { name: 'N', type: binding['TF_ATTR_INT'] as number, value: addends },
  ];
  const expected = { message: /expects maps \[N, H, W, channels\], parameters \[channels\]/ };
  for (const [name, rectified, inputs, addends] of [
    ['KdxNorm', true, [maps(32), ...vectors(4)], []],
    ['KdxNorm', true, [tf.zeros([4, 16]), ...vectors(4)], []],
    ['KdxNorm', true, [maps(16), ...vectors(4)], [maps(32)]],
    ['KdxNorm', false, [maps(16), ...vectors(4)], [maps(16)]],
    ['KdxNormGradient', true, [maps(16), maps(32), ...vectors(4)], []],
    ['KdxNormGradient', true, [maps(16), maps(16), ...vectors(4)], [maps(32)]],
  ] as const) {
    const outputs = (name === 'KdxNorm' ? 5 : 3) + (name === 'KdxNorm' ? 0 : addends.length);
    t.throws(
      () =>
        operationWithOutputs(
          name,
          attributes(rectified, addends.length),
          [...inputs, ...addends],
          outputs,
        ),
      expected,
      name,
    );
  }
});
