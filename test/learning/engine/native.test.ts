import { appendFile, cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';

import { tf } from '../../../learning/engine/backend.ts';
import { convolve } from '../../../learning/engine/convolution.ts';
import { operation } from '../../../learning/engine/operation.ts';
import { randomTensor } from '../networks.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');

type Shape = {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly inputs: number;
  readonly outputs: number;
};

/** The convolution and both gradients by their definition, summed in float64. */
function byDefinition(shape: Shape, x: Float32Array, kernel: Float32Array, dy: Float32Array) {
  const { batch, height, width, inputs, outputs } = shape;
  const y = new Float64Array(batch * height * width * outputs);
  const dx = new Float64Array(x.length);
  const dKernel = new Float64Array(kernel.length);
  const visit = (from: number, to: number, tap: number): void => {
    for (let i = 0; i < inputs; i += 1) {
      for (let o = 0; o < outputs; o += 1) {
        const [a, b, k] = [from * inputs + i, to * outputs + o, (tap * inputs + i) * outputs + o];
        y[b] = (y[b] ?? 0) + (x[a] ?? 0) * (kernel[k] ?? 0);
        dx[a] = (dx[a] ?? 0) + (dy[b] ?? 0) * (kernel[k] ?? 0);
        dKernel[k] = (dKernel[k] ?? 0) + (dy[b] ?? 0) * (x[a] ?? 0);
      }
    }
  };
  for (let to = 0; to < batch * height * width; to += 1) {
    const row = Math.floor(to / width) % height;
    const column = to % width;
    for (let tap = 0; tap < 9; tap += 1) {
      const down = Math.floor(tap / 3) - 1;
      const right = (tap % 3) - 1;
      const isInside =
        row + down >= 0 && row + down < height && column + right >= 0 && column + right < width;
      if (isInside) visit(to + down * width + right, to, tap);
    }
  }
  return { y, dx, dKernel };
}

/** Largest error relative to the largest value. */
function relativeError(actual: tf.Tensor, expected: Float64Array): number {
  const values = actual.dataSync<'float32'>();
  const peak = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const error = expected.reduce(
    (most, value, index) => Math.max(most, Math.abs(value - (values[index] ?? NaN))),
    0,
  );
  return error / peak;
}

const asDefined = test.macro({
  title: (_, { batch, height, width, inputs, outputs }: Shape) =>
    `${batch} maps of ${height} × ${width}, ${inputs} to ${outputs} channels: as the definition to 1e-6`,
  exec: (t, shape: Shape) => {
    const { batch, height, width, inputs, outputs } = shape;
    const x = randomTensor<tf.Rank.R4>([batch, height, width, inputs]);
    const kernel = randomTensor<tf.Rank.R4>([3, 3, inputs, outputs], 'kernel');
    const dy = randomTensor<tf.Rank.R4>([batch, height, width, outputs], 'slopes');
    const { value, grads } = tf.valueAndGrads((a, b) =>
      convolve(a as tf.Tensor4D, b as tf.Tensor4D, 1),
    )([x, kernel], dy);
    const values = [x, kernel, dy].map((tensor) => tensor.dataSync<'float32'>()) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    const expected = byDefinition(shape, ...values);
    for (const [name, actual] of Object.entries({ y: value, dx: grads[0], dKernel: grads[1] })) {
      const error = relativeError(actual as tf.Tensor, expected[name as keyof typeof expected]);
      t.true(error < 1e-6, `${name} is off by ${error}`);
    }
  },
});

test(asDefined, { batch: 2, height: 8, width: 8, inputs: 16, outputs: 16 });
test(asDefined, { batch: 3, height: 9, width: 7, inputs: 32, outputs: 48 });
test(asDefined, { batch: 1, height: 1, width: 1, inputs: 16, outputs: 64 });
test(asDefined, { batch: 1, height: 2, width: 33, inputs: 80, outputs: 16 });
test(asDefined, { batch: 40, height: 4, width: 4, inputs: 64, outputs: 64 });

type Outcome = { readonly digest: string; readonly some: readonly number[] };

/** Computes once in a process of its own; gives what came out, and what our kernels logged. */
async function computeOnce(...options: readonly string[]) {
  const program = join(import.meta.dirname, 'compute-once.ts');
  const { stdout } = await execa(process.execPath, [program, ...options], {
    env: { KDX_VERBOSE: '1' },
  });
  const lines = stdout.split('\n');
  const own = lines.filter((line) => line.startsWith('kdx_verbose'));
  const outcome = JSON.parse(lines.at(-1) ?? '') as Outcome;
  return { ...outcome, operations: own.map((line) => line.split(',').slice(5, -1).join(' ')) };
}

test('the number of threads changes no bit', async (t) => {
  const one = await computeOnce('1', 'float32');
  t.deepEqual(
    one.operations.toSorted(),
    [
      'batch_normalization kdx backward',
      'batch_normalization kdx forward_training',
      ...['depthwise', 'depthwise', 'grouped', 'winograd'].flatMap((kind) =>
        ['backward_data', 'backward_weights', 'forward_training'].map(
          (direction) => `convolution ${kind} ${direction}`,
        ),
      ),
      'shuffle kdx forward_training',
    ].toSorted(),
  );
  t.is((await computeOnce('2', 'float32')).digest, one.digest);
  t.is((await computeOnce('5', 'float32')).digest, one.digest);
});

test('the kernels for other processors give the same to rounding', async (t) => {
  const { some: expected } = await computeOnce('1', 'float32');
  const peak = Math.max(...expected.map(Math.abs));
  for (const isa of ['avx2', 'portable']) {
    const { some } = await computeOnce('1', 'float32', isa);
    t.is(some.length, expected.length);
    const error = Math.max(
      ...some.map((value, index) => Math.abs(value - (expected[index] ?? NaN))),
    );
    t.true(error < 1e-6 * peak, `${isa} is off by ${error / peak}`);
  }
});

test('where products are rounded to bfloat16 they are those of TensorFlow', async (t) => {
  const { operations } = await computeOnce('1', 'bfloat16');
  t.deepEqual(
    operations.filter((operation) => /^convolution (winograd|grouped)/.test(operation)),
    [],
  );
});

test('shapes that the kernels are not made for are an error that says so', (t) => {
  const maps = (channels: number): tf.Tensor => tf.zeros([1, 4, 4, channels]);
  const expected = { message: /3 x 3 filter, and multiples of 16 channels/ };
  const kernel = tf.zeros([3, 3, 16, 16]);
  for (const [name, inputs] of [
    ['KdxConvolution', [maps(8), tf.zeros([3, 3, 8, 16])]],
    ['KdxConvolution', [maps(32), kernel]],
    ['KdxConvolution', [maps(16), tf.zeros([5, 5, 16, 16])]],
    ['KdxInputGradient', [maps(32), kernel]],
    ['KdxFilterGradient', [maps(16), tf.zeros([1, 5, 4, 16])]],
  ] as const) {
    t.throws(() => operation(name, [], inputs), expected, name);
  }
});

test('kernels from other sources than those here are refused', async (t) => {
  const root = await mkdtemp(join(tmpdir(), 'kdx-native-'));
  try {
    for (const room of ['learning', 'leg', 'study', 'package.json']) {
      await cp(join(ROOT, room), join(root, room), { recursive: true });
    }
    await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'));
    await appendFile(join(root, 'learning/engine/native/team.cc'), '// changed\n');
    const { exitCode, stderr } = await execa(
      process.execPath,
      [join(root, 'learning/engine/native.ts')],
      { reject: false },
    );
    t.is(exitCode, 1);
    t.regex(stderr, /compiled from other sources than .*native\/; npm run setup compiles them/);
  } finally {
    await rm(root, { recursive: true });
  }
});
