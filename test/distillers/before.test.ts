/** Methods with a phase before the training: their losses, what each phase trains, and when. */
import test from 'ava';

import type { Knowledge } from '../../distillers/contract.ts';
import { factorDistance } from '../../distillers/ft.ts';
import { NO_SUMS } from '../../learning/checkpoints.ts';
import { openInput } from '../../learning/data/input.ts';
import { tf } from '../../learning/engine/backend.ts';
import { readState } from '../../learning/engine/state.ts';
import { work } from '../../learning/leg.ts';
import { trainEpoch } from '../../learning/training/epoch.ts';
import { runPosition } from '../../learning/training/position.ts';
import { scheduleAt } from '../../learning/training/schedules.ts';
import { batchPlan, openSession } from '../../learning/training/session.ts';
import { digestJson } from '../../study/canonical.ts';
import { distillerSchema } from '../../study/distillers.ts';
import type { TrainSpec } from '../../study/spec.ts';
import { trainSchema } from '../../study/train-schema.ts';
import { createMemory, FEW_DIGITS } from '../learning/memory.ts';
import {
  golden,
  input,
  maps,
  objectiveOf,
  reproduces,
  stem,
  unread,
  type Case,
  type Fixture,
} from './golden.ts';
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
const two = (first: tf.Tensor, second: tf.Tensor): Knowledge => {
  return { ...unread, maps: [first, second] as tf.Tensor4D[] };
};
const before = (map: tf.Tensor): Knowledge => {
  return { ...maps(map), preActivations: [map as tf.Tensor4D] };
};

test(reproduces, 'FSP_pair', {
  ...{
    of: 'fs',
    student: (x: tf.Tensor) => two(x, input('fs2')),
    teacher: two(input('ft'), input('ft2')),
  },
  ...{ ...alone('fsp'), isBefore: true },
});
test(reproduces, 'AB_single_layer', {
  ...{ of: 'fs', student: before, teacher: before(input('ft')) },
  ...{ ...alone('ab'), isBefore: true },
});

test('fsp shrinks the larger of two neighbouring maps', (t) => {
  const setting = {
    ...{ of: 'fs', student: () => two(input('fs8'), input('fs2')), ...alone('fsp') },
    teacher: two(input('ft8'), input('ft2')),
  };
  const { before: phase } = objectiveOf(setting);
  const lossOf = (student: Knowledge, teacher: Knowledge) =>
    phase?.loss({ labels: unread.logits, fed: {}, student, teacher }).total.arraySync();
  const pooled = (name: string) => tf.avgPool(input<tf.Tensor4D>(name), 2, 2, 'valid');
  t.is(
    lossOf(setting.student(), setting.teacher),
    lossOf(two(pooled('fs8'), input('fs2')), two(pooled('ft8'), input('ft2'))),
  );
});

test('the distance of FT has the value and the gradient of the reference', (t) => {
  const { value, gradient } = golden.fixtures['FT'] as Fixture;
  const result = tf.valueAndGrad((x: tf.Tensor) =>
    factorDistance(tf, x as tf.Tensor4D, input('ft')),
  )(input('fs'));
  t.true(Math.abs(result.value.arraySync() - value) <= 1e-5 * value);
  const slopes = result.grad.dataSync<'float32'>();
  for (const [index, wanted] of gradient.first4.entries()) {
    t.true(Math.abs((slopes[index] ?? NaN) - wanted) <= 1e-4 * gradient.l2);
  }
  t.true(
    Math.abs((tf.norm(result.grad).arraySync() as number) - gradient.l2) <= 1e-4 * gradient.l2,
  );
});

test(agrees, 'ab with connectors', {
  ...{ of: 'fs', student: before, teacher: before(input('ft2')) },
  ...{ ...alone('ab'), isBefore: true, flat: ['stage1/connector/bias'] },
  definition: (x, p) => {
    const read = (name: string) => p[`stage1/connector/${name}`] ?? [];
    const raw = linearOf(pixelsOf(x, 3), read('kernel'), read('bias'));
    const own = normOf(raw, read('norm/gamma'), read('norm/beta')).flat();
    const sum = numbersOf('ft2').reduce((total, teacher, index) => {
      const s = own[index] ?? NaN;
      if (teacher > 0) return total + (s <= 1 ? (s - 1) ** 2 : 0);
      return total + (s > -1 ? (s + 1) ** 2 : 0);
    }, 0);
    return (3 / 1000 / 4) * sum;
  },
});

test('ab counts a stage half as much as the one behind it', (t) => {
  const stages = (first: string, second: string): Knowledge => ({
    ...unread,
    maps: [stem, input(first), input(second)],
    preActivations: [input(first), input(second)],
  });
  const lossOf = (student: Knowledge, teacher: Knowledge): number => {
    const phase = objectiveOf({ of: 'fs', student: () => student, teacher, ...alone('ab') }).before;
    return (
      phase?.loss({ labels: unread.logits, fed: {}, student, teacher }).total.arraySync() ?? NaN
    );
  };
  const [large, small] = [
    lossOf(before(input('fs8')), before(input('ft8'))),
    lossOf(before(input('fs')), before(input('ft'))),
  ];
  const both = lossOf(stages('fs8', 'fs'), stages('ft8', 'ft'));
  t.true(Math.abs(both - (large / 2 + small)) < 1e-5 * both);
});

const leaky = (pixels: number[][]): number[][] =>
  pixels.map((pixel) => pixel.map((x) => (x > 0 ? x : 0.1 * x)));

/** 3 × 3 convolutions with bias and LeakyReLU, with or without batch norm. */
function chainOf(start: Grid, p: Parameters, name: string): Grid {
  return [1, 2, 3].reduce<Grid>((grid, layer) => {
    const read = (what: string) => p[`${name}${layer}/${what}`];
    const bias = read('bias') ?? [];
    const raw = convolutionOf(grid, read('kernel') ?? []).map((pixel) =>
      pixel.map((x, c) => x + (bias[c] ?? NaN)),
    );
    const [gamma, beta] = [read('norm/gamma'), read('norm/beta')];
    const normed = gamma === undefined ? raw : normOf(raw, gamma, beta ?? []);
    return { size: grid.size, pixels: leaky(normed) };
  }, start);
}

/** Q of every image: mean squares over channels, normalised over pixels. */
function factorsOf({ size, pixels }: Grid): number[] {
  const powers = pixels.map((pixel) => meanOf(pixel.map((x) => x ** 2)));
  return powers.map((power, index) => {
    const first = index - (index % size ** 2);
    return power / Math.hypot(...powers.slice(first, first + size ** 2));
  });
}

const grid = (values: readonly number[]): Grid => ({ size: 4, pixels: pixelsOf(values, 3) });
const onFactors = {
  of: 'fs',
  student: maps,
  teacher: maps(input('ft')),
  ...alone('ft', { share: 0.7 }),
};
test(agrees, 'ft', {
  ...onFactors,
  flat: [1, 2, 3].map((layer) => `translator/layer${layer}/bias`),
  definition: (x, p) => {
    const own = factorsOf(chainOf(grid(x), p, 'translator/layer'));
    const wanted = factorsOf(chainOf(grid(numbersOf('ft')), p, 'paraphraser/there'));
    return meanOf(own.map((value, index) => Math.abs(value - (wanted[index] ?? NaN))));
  },
});

test(agrees, 'ft, its paraphraser', {
  ...{ ...onFactors, isBefore: true },
  // The student is not in it; the harness asks for a gradient all the same.
  student: (x) => ({ ...maps(x), logits: tf.zeros([4, 5]) }),
  flat: ['the input'],
  definition: (_x, p) => {
    const start = grid(numbersOf('ft'));
    const back = chainOf(chainOf(start, p, 'paraphraser/there'), p, 'paraphraser/back');
    const off = back.pixels.flatMap((pixel, i) =>
      pixel.map((value, c) => (value - (start.pixels[i]?.[c] ?? NaN)) ** 2),
    );
    return meanOf(off);
  },
});

test('a run is laid over the published epochs of both phases', (t) => {
  const train = trainSchema.parse({ epochs: 9, optimizer: { name: 'sgd', learningRate: 0.05 } });
  const at = (epoch: number, step = 0) => ({ epoch, step, stepsPerEpoch: 10 });
  const phase = { publishedEpochs: 30, learningRate: 0.01 };
  t.like(runPosition(train, at(1), 30), { isBefore: true, publishedEpoch: 1 });
  t.like(runPosition(train, at(1, 9), 30), { isBefore: true, publishedEpoch: 1 });
  t.is(runPosition(train, at(2), 30).isBefore, undefined);
  t.is(runPosition(train, at(2), 30).publishedEpoch, 1);
  t.is(runPosition(train, at(9, 9), 30).publishedEpoch, 238);
  const rates = [at(1), at(2), at(6), at(7), at(9)].map((place) => {
    return scheduleAt(train, place, phase).learningRate.toPrecision(3);
  });
  t.deepEqual(
    rates,
    ['0.0100', '0.0500', '0.0500', '0.00500', '5.00e-5'].map((x) => Number(x).toPrecision(3)),
  );
  t.is(scheduleAt(train, at(1), { publishedEpochs: 30 }).learningRate, 0.05);
  const literal = { ...train, scale: false };
  t.like(runPosition({ ...literal, epochs: 270 }, at(30), 30), { isBefore: true });
  t.is(runPosition({ ...literal, epochs: 270 }, at(31), 30).publishedEpoch, 1);
});

const TEACHER = { model: { name: 'resnet8' as const }, weights: '' };
const specOf = (name: string, changes: Partial<TrainSpec> = {}): TrainSpec => ({
  kind: 'train',
  device: { kind: 'cpu', threads: 1, precision: 'float32' },
  engine: 'eager',
  dataset: FEW_DIGITS,
  code: digestJson('code'),
  model: { name: 'resnet8' },
  distillers: [
    { name: 'ce', weight: 1 },
    ...(name === 'ce' ? [] : [distillerSchema.parse({ name, epochs: 240 })]),
  ],
  train: trainSchema.parse({
    ...{ epochs: 2, batch: 150, augment: { pad: 2, flip: false } },
    optimizer: { name: 'sgd', learningRate: 0.01 },
  }),
  seeds: { init: 1, data: 7 },
  ...changes,
});

/** Names of all tensors of a training, by what an epoch of a single step has done to them. */
async function movedBy(spec: TrainSpec, memory = createMemory()): Promise<Set<string>[]> {
  const session = await openSession(spec, memory.context(spec));
  const feed = openInput(batchPlan(session), { epoch: 1, step: 0 });
  const moved: Set<string>[] = [];
  let last = readState(session.trainingState);
  for (const epoch of [1, 2]) {
    await trainEpoch(session, feed, epoch, { step: 0, sums: NO_SUMS }, () =>
      Promise.resolve(false),
    );
    const now = readState(session.trainingState);
    moved.push(
      new Set(
        [...now].flatMap(([name, { values }]) =>
          values.some((value, i) => value !== last.get(name)?.values[i]) ? [name] : [],
        ),
      ),
    );
    last = now;
  }
  await feed.close();
  session.dispose();
  return moved;
}

const phases = test.macro<[string]>({
  title: (_, name) => `${name}: each phase trains its own part, with an optimiser of its own`,
  exec: async (t, name) => {
    const memory = createMemory();
    const taught = await work(specOf('ce'), memory.context(specOf('ce')));
    if (taught.outcome !== 'done') throw new Error(taught.outcome);
    const teacher = { ...TEACHER, weights: taught.result.files['weights']?.digest ?? '' };
    // One step a phase.
    const [first, second] = (await movedBy(specOf(name, { teacher }), memory)) as [
      Set<string>,
      Set<string>,
    ];
    const has = (moved: Set<string>, start: string) => [...moved].some((x) => x.startsWith(start));
    t.false(has(first, 'classifier/'), 'the classifier waits');
    t.is(has(first, 'stage1/'), name !== 'ft');
    t.true(has(first, 'before/optimizer/'));
    t.false(has(first, 'optimizer/'));
    t.is(has(first, 'distillers/ft/paraphraser/'), name === 'ft');
    t.false(has(first, 'distillers/ft/translator/'));
    t.true(has(second, 'classifier/') && has(second, 'stage1/') && has(second, 'optimizer/'));
    t.false(has(second, 'before/optimizer/'));
    t.false(has(second, 'distillers/ft/paraphraser/'));
    t.is(has(second, 'distillers/ft/translator/'), name === 'ft');
  },
});
for (const name of ['ab', 'fsp', 'ft']) test.serial(phases, name);

test('the weight is that of the phase where nothing follows it, and else that of the training', (t) => {
  const teacher = { ...before(input('ft')), embedding: input<tf.Tensor2D>('et') };
  const factor = (name: string, phase: 'before' | 'training'): number => {
    const totals = [1, 7].map((weight) => {
      const terms = [distillerSchema.parse({ name, weight })];
      const student = (x: tf.Tensor) => (name === 'fsp' ? two(x, input('ft')) : before(x));
      const taught = name === 'fsp' ? two(input('ft'), input('fs')) : teacher;
      const objective = objectiveOf({ of: 'fs', student, teacher: taught, terms });
      const { loss } = phase === 'before' ? (objective.before ?? objective) : objective;
      const step = {
        labels: unread.logits,
        fed: {},
        student: student(input('fs')),
        teacher: taught,
      };
      const total = loss(step).total.arraySync();
      objective.dispose();
      return total;
    });
    return (totals[1] ?? NaN) / (totals[0] ?? NaN);
  };
  for (const name of ['ab', 'fsp']) t.true(Math.abs(factor(name, 'before') - 7) < 1e-5, name);
  t.is(factor('ft', 'before'), 1);
  t.true(Math.abs(factor('ft', 'training') - 7) < 1e-5);
});

test('two methods with a phase before the training are refused together', (t) => {
  const terms = ['ab', 'fsp'].map((name) => distillerSchema.parse({ name }));
  const known = before(input('ft'));
  t.throws(() => objectiveOf({ of: 'fs', student: before, teacher: known, terms }), {
    message: /^distillers: ab and fsp both train before the training; allowed: one of them\.$/,
  });
});

test('a run whose epochs are not scaled has to be longer than the phase before it', async (t) => {
  const memory = createMemory();
  const spec = specOf('ft');
  const short = { ...spec, teacher: TEACHER, train: { ...spec.train, scale: false } };
  const weights = await work(specOf('ce'), memory.context(specOf('ce')));
  if (weights.outcome !== 'done') throw new Error(weights.outcome);
  const teacher = { ...TEACHER, weights: weights.result.files['weights']?.digest ?? '' };
  await t.throwsAsync(openSession({ ...short, teacher }, memory.context(short)), {
    message: /^train\.epochs is 2 where epochs are not scaled; allowed: more than the 240 /,
  });
});
