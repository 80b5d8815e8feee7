import test, { type ExecutionContext } from 'ava';

import type { EpochRecord, LogitsIndex } from '../../../leg/records.ts';
import type { Result } from '../../../leg/result.ts';
import { augmentedBatch } from '../../../learning/data/batches.ts';
import { loadDataset } from '../../../learning/data/load.ts';
import { work } from '../../../learning/leg.ts';
import { halfRows, toHalf } from '../../../learning/teaching/logits.ts';
import { loadNetwork } from '../../../learning/networks.ts';
import { createPredictor } from '../../../learning/evaluation/predict.ts';
import { recomputeLogits } from '../../../learning/teaching/teach.ts';
import { compareRows } from '../../../verify/logits.ts';
import { digestJson } from '../../../study/canonical.ts';
import { distillerSchema } from '../../../study/distillers.ts';
import type { LegSpec, TeachSpec, Trained, TrainSpec } from '../../../study/spec.ts';
import { createMemory, FEW_DIGITS, type Memory } from '../memory.ts';

const BASE = {
  device: { kind: 'cpu', threads: 1, precision: 'float32' },
  engine: 'recorded',
  dataset: FEW_DIGITS,
  code: digestJson('code'),
} as const;
const AUGMENT = { pad: 2, flip: true };
const EPOCHS = 2;
/** Batches of the teach leg and steps of a student in one epoch; the last ones are short. */
const BATCHES = 2;
const STEPS = 3;

function trainSpec(changes: Partial<TrainSpec> = {}): TrainSpec {
  return {
    ...BASE,
    kind: 'train',
    model: { name: 'resnet8' },
    distillers: [{ name: 'ce', weight: 1 }],
    train: {
      ...{
        epochs: EPOCHS,
        batch: 64,
        schedule: 'step',
        scale: true,
        publishedEpochs: 240,
        milestones: [150, 180, 210],
        factor: 0.1,
        warmUpEpochs: 0,
        augment: AUGMENT,
      },
      optimizer: {
        name: 'sgd',
        learningRate: 0.05,
        momentum: 0.9,
        nesterov: false,
        weightDecay: 5e-4,
      },
    },
    seeds: { init: 1, data: 7 },
    ...changes,
  };
}

function studentSpec(teacher: TrainSpec['teacher'], init = 2): TrainSpec {
  return trainSpec({
    ...(teacher === undefined ? {} : { teacher }),
    seeds: { init, data: 7 },
    distillers: [
      { name: 'ce', weight: 0.1 },
      { name: 'kd', weight: 0.9, temperature: 4 },
    ],
  });
}

function teachSpec(teacher: Trained, changes: Partial<TeachSpec> = {}): TeachSpec {
  return {
    ...BASE,
    ...{ kind: 'teach', teacher, augment: AUGMENT, epochs: EPOCHS, seeds: { data: 7 } },
    ...changes,
  };
}

async function complete(memory: Memory, spec: LegSpec): Promise<Result> {
  const end = await work(spec, memory.context(spec));
  if (end.outcome !== 'done') throw new Error(`ended as ${end.outcome}`);
  return end.result;
}

/** A teacher that has learnt a little, and its logits. */
async function taught() {
  const memory = createMemory();
  const { files } = await complete(memory, trainSpec());
  const teacher = { model: { name: 'resnet8' }, weights: files['weights']?.digest ?? '' } as const;
  const result = await complete(memory, teachSpec(teacher));
  const logits = result.files['logits']?.digest ?? '';
  return { memory, teacher, result, logits };
}
const shared = taught();

function jsonOf(memory: Memory, digest = ''): unknown {
  return JSON.parse(new TextDecoder().decode(memory.blobs.get(digest)));
}

function epochsOf(memory: Memory, { files }: Result): EpochRecord[] {
  const text = new TextDecoder().decode(memory.blobs.get(files['epochs']?.digest ?? ''));
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as EpochRecord);
}

test('a teach leg leaves one blob an epoch of the size that was stated, and says what it is of', async (t) => {
  const { memory, teacher, result, logits } = await shared;
  const index = jsonOf(memory, logits) as LogitsIndex;
  const bytes = 150 * 10 * 2;
  t.deepEqual(index.shape, [150, 10]);
  t.deepEqual(index.stream.teacher, teacher);
  t.deepEqual(
    index.epochs.map(({ digest }) => memory.blobs.get(digest)?.length),
    [bytes, bytes],
  );
  t.not(index.epochs[0]?.digest, index.epochs[1]?.digest, 'each epoch moves the images anew');
  t.deepEqual(result.metrics, { 'logits.bytes': 2 * bytes, 'logits.rows': 300 });
});

test('a row is what the teacher says of that image in that epoch', async (t) => {
  const { memory, teacher, logits } = await shared;
  const { epochs } = jsonOf(memory, logits) as LogitsIndex;
  const { readBlob } = memory.context(teachSpec(teacher)).ports;
  const data = await loadDataset(FEW_DIGITS, readBlob);
  const network = loadNetwork(teacher, { name: 'digits' }, await readBlob(teacher.weights));
  const predictor = createPredictor('eager', network);
  for (const [row, epoch] of [
    [0, 1],
    [149, 2],
  ] as const) {
    const image = data.split.train.subarray(row, row + 1);
    const alone = predictor.logitsOf(
      augmentedBatch(data.train, image, { ...AUGMENT, seed: 7, epoch }),
    );
    const bytes = await readBlob(epochs[epoch - 1]?.digest ?? '');
    const stored = new Float16Array(Uint8Array.from(bytes).buffer).subarray(
      row * 10,
      row * 10 + 10,
    );
    for (const [k, value] of alone.entries()) {
      t.true(Math.abs(value - (stored[k] ?? NaN)) <= 2 ** -10 * Math.max(1, Math.abs(value)));
    }
  }
  predictor.dispose();
  network.network.dispose();
});

test('a student learns the same from the logits as from the teacher, to their rounding', async (t) => {
  const { memory, teacher, logits } = await shared;
  const running = await complete(memory, studentSpec(teacher));
  const before = memory.reads.length;
  const cached = await complete(memory, studentSpec({ ...teacher, logits }));
  t.false(memory.reads.slice(before).includes(teacher.weights), 'the teacher was loaded');
  const [live, read] = [epochsOf(memory, running), epochsOf(memory, cached)];
  t.is(read.length, EPOCHS);
  // Half precision moves a logit by 2⁻¹¹ of itself; the terms of the first epoch by not much more.
  for (const name of ['ce', 'kd']) {
    const [a, b] = [live[0]?.terms[name] ?? NaN, read[0]?.terms[name] ?? NaN];
    t.true(Math.abs(a - b) <= 2 ** -9 * Math.abs(a), `${name}: ${a} and ${b}`);
  }
  const [a, b] = [live[1]?.loss ?? NaN, read[1]?.loss ?? NaN];
  t.true(Math.abs(a - b) <= 0.02 * Math.abs(a), `loss: ${a} and ${b}`);
  const top1 = [running, cached].map(({ metrics }) => metrics['top1'] ?? NaN);
  t.true(Math.abs((top1[0] ?? NaN) - (top1[1] ?? NaN)) <= 4, `top-1: ${top1.join(' and ')}`);
});

test('two students of one cache and one spec are equal to the bit, stopped at any step or not', async (t) => {
  const { memory, teacher, logits } = await shared;
  const spec = studentSpec({ ...teacher, logits }, 3);
  const undisturbed = await complete(memory, spec);
  for (const stopAfter of [1, STEPS + 1]) {
    const other = createMemory();
    for (const [digest, bytes] of memory.blobs) other.blobs.set(digest, bytes);
    const stopped = await work(spec, other.context(spec, stopAfter));
    t.is(stopped.outcome, 'stopped');
    t.deepEqual(await complete(other, spec), undisturbed);
  }
});

test('a teach leg stopped at any batch goes on and leaves the same bytes', async (t) => {
  const { memory, teacher, result, logits } = await shared;
  const spec = teachSpec(teacher);
  const kept = (jsonOf(memory, logits) as LogitsIndex).epochs.map(({ digest }) => digest);
  for (let stopAfter = 0; stopAfter < EPOCHS * BATCHES; stopAfter += 1) {
    const other = createMemory();
    other.blobs.set(teacher.weights, memory.blobs.get(teacher.weights) ?? new Uint8Array());
    const stopped = await work(spec, other.context(spec, stopAfter));
    t.is(stopped.outcome, 'stopped');
    const end = await work(spec, other.context(spec));
    const [epoch, batch] = [Math.floor(stopAfter / BATCHES), (stopAfter % BATCHES) + 1];
    t.deepEqual(end.resumedFrom, { epoch, step: batch });
    t.deepEqual(end.outcome === 'done' ? end.result : undefined, result);
    t.true(
      kept.every((digest) => other.blobs.has(digest)),
      'no part of the result went with them',
    );
  }
});

test('recomputed logits are the stored ones, and one changed bit is seen', async (t) => {
  const { memory, teacher, logits } = await shared;
  const spec = teachSpec(teacher);
  const { epochs } = jsonOf(memory, logits) as LogitsIndex;
  const fresh = await recomputeLogits(spec, [2], memory.context(spec).ports);
  const rows = (bytes: Uint8Array | undefined) => halfRows(bytes ?? new Uint8Array(), 1500, 'x');
  const stored = rows(memory.blobs.get(epochs[1]?.digest ?? ''));
  t.is(compareRows(stored, rows(fresh.get(2)), true), 'equal');
  const off = stored.with(7, (stored[7] ?? 0) * (1 + 2 ** -10));
  t.is(compareRows(off, rows(fresh.get(2)), true), 'different');
  t.is(compareRows(off, rows(fresh.get(2)), false), 'close');
});

async function refused(t: ExecutionContext, spec: TrainSpec, code: string, message: RegExp) {
  const { memory } = await shared;
  await t.throwsAsync(work(spec, memory.context(spec)), { code, message });
}

test('logits of another teacher, stream or length are refused, and so are features from them', async (t) => {
  const { teacher, logits } = await shared;
  const spec = studentSpec({ ...teacher, logits });
  const with_ = (changes: Partial<TrainSpec>): TrainSpec => ({ ...spec, ...changes });
  const weights = digestJson('another');
  const others: readonly TrainSpec[] = [
    with_({ teacher: { ...teacher, weights, logits } }),
    with_({ seeds: { init: 2, data: 8 } }),
    with_({ train: { ...spec.train, augment: { pad: 2, flip: false } } }),
    with_({ dataset: { ...FEW_DIGITS, split: { train: 140, validation: 0, test: 50 } } }),
  ];
  for (const other of others) await refused(t, other, 'DataMismatch', /^teacher\.logits .* is of /);
  const longer = with_({ train: { ...spec.train, epochs: 3 } });
  await refused(t, longer, 'DataMismatch', /has 2 epochs of 150 images; wanted 3 of 150/);
  const featured = with_({ distillers: [{ name: 'at', weight: 1 }] });
  await refused(t, featured, 'SpecInvalid', /^teacher\.logits is set, but .* at needs features/);
  const viewed = with_({ distillers: [distillerSchema.parse({ name: 'mlkd' })] });
  await refused(t, viewed, 'SpecInvalid', /mlkd needs what it says of strong views; allowed: /);
});

test('a damaged epoch of logits stops the student that reads it', async (t) => {
  const { memory, teacher, logits } = await shared;
  const { epochs } = jsonOf(memory, logits) as LogitsIndex;
  const other = createMemory();
  for (const [digest, bytes] of memory.blobs) other.blobs.set(digest, bytes);
  other.blobs.set(epochs[1]?.digest ?? '', new Uint8Array(3000));
  const spec = studentSpec({ ...teacher, logits });
  await t.throwsAsync(work(spec, other.context(spec)), { code: 'DataMismatch' });
});

test('logits that half precision cannot hold are refused, never stored as infinite', (t) => {
  t.deepEqual([...toHalf(Float32Array.of(65_504, -1e-8, 1 + 2 ** -11), 'x')], [65_504, -0, 1]);
  for (const value of [65_520, -1e6, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => toHalf(Float32Array.of(0, value), 'the logits of big in epoch 3'), {
      code: 'SpecInvalid',
      message: /^teacher\.cache: the logits of big in epoch 3 .* up to ±65504; allowed .*"none"/,
    });
  }
});
