/** A student whose answer is that of its teacher's classifier, behind a projector. */
import '../learning/one-thread.ts';

import test from 'ava';

import type { Knowledge } from '../../distillers/contract.ts';
import { tf } from '../../learning/engine/backend.ts';
import { work } from '../../learning/leg.ts';
import { trainingCost } from '../../learning/training/cost.ts';
import type { Objective } from '../../learning/training/objective.ts';
import { digestJson } from '../../study/canonical.ts';
import { distillerSchema } from '../../study/distillers.ts';
import { evaluationOf, networkOf } from '../../study/evaluation.ts';
import type { Trained, TrainSpec } from '../../study/spec.ts';
import { trainSchema } from '../../study/train-schema.ts';
import { createMemory, FEW_DIGITS } from '../learning/memory.ts';
import { answered, input, labels, objectiveOf, stem, unread, type Case } from './golden.ts';
import {
  agrees,
  convolutionOf,
  linearOf,
  logSoftmaxOf,
  meanOf,
  normOf,
  numbersOf,
  pixelsOf,
  reluOf,
  wave,
  type Parameters,
} from './oracle.ts';

const RIGHT = [0, 3, 2, 4];
const KERNEL = wave(3 * 5, 0.8, 0.7, 0.3);
const BIAS = wave(5, 0.5, 1.1, 0.2);

const ofMap = (map: tf.Tensor): Knowledge => ({
  ...unread,
  maps: [stem, map as tf.Tensor4D],
  lastMap: map as tf.Tensor4D,
  embedding: tf.mean(map, [1, 2]),
});

/** Gives the student the classifier of a teacher. */
function prepare({ head }: Objective): void {
  const put = (part: string, values: tf.Tensor) =>
    head?.modules.statistics.get(`distillers/simkd/classifier/${part}`)?.assign(values);
  put('kernel', tf.tensor2d(KERNEL, [3, 5]));
  put('bias', tf.tensor1d(BIAS));
}

/** The projector of [4 · 4 · 4][3] values. */
function projected(pixels: readonly (readonly number[])[], p: Parameters): number[][] {
  const read = (name: string): readonly number[] => p[`projector/${name}`] ?? [];
  const normed = (raw: number[][], name: string): number[][] =>
    reluOf(normOf(raw, read(`${name}/norm/gamma`), read(`${name}/norm/beta`)));
  const narrow = normed(linearOf(pixels, read('narrow/kernel')), 'narrow');
  const middle = normed(
    convolutionOf({ size: 4, pixels: narrow }, read('middle/kernel')),
    'middle',
  );
  return normed(linearOf(middle, read('widen/kernel')), 'widen');
}

/** 8 × 8 maps of 3 channels, averaged over squares of 2 × 2. */
function halved(pixels: readonly (readonly number[])[]): number[][] {
  return Array.from({ length: 4 * 16 }, (_, at) => {
    const [image, row, column] = [Math.floor(at / 16), Math.floor(at / 4) % 4, at % 4];
    const square = [0, 1, 8, 9].map((by) => pixels[64 * image + 16 * row + 2 * column + by] ?? []);
    return [0, 1, 2].map((c) => meanOf(square.map((pixel) => pixel[c] ?? NaN)));
  });
}

const missOf = (a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number =>
  meanOf(a.flatMap((pixel, at) => pixel.map((value, c) => (value - (b[at]?.[c] ?? NaN)) ** 2)));

/** Cross-entropy of what the teacher's classifier says of the pooled maps. */
function crossEntropyOf(moved: readonly (readonly number[])[]): number {
  return meanOf(
    RIGHT.map((right, image) => {
      const pixels = moved.slice(16 * image, 16 * image + 16);
      const pooled = [0, 1, 2].map((c) => meanOf(pixels.map((pixel) => pixel[c] ?? NaN)));
      const [logits = []] = linearOf([pooled], KERNEL, BIAS);
      return -(logSoftmaxOf(logits)[right] ?? NaN);
    }),
  );
}

const simkd = (factor: number) => distillerSchema.parse({ name: 'simkd', factor });

test(agrees, 'simkd', {
  ...{ of: 'fs', student: ofMap, teacher: ofMap(input('ft')), terms: [simkd(1)] },
  definition: (x, p) => missOf(projected(pixelsOf(x, 3), p), pixelsOf(numbersOf('ft'), 3)),
});

const WITH_CE: Case = {
  ...{ of: 'fs8', student: ofMap, teacher: ofMap(input('ft')), prepare },
  terms: [{ name: 'ce', weight: 0.5 }, simkd(2)],
};
test(agrees, 'simkd from a larger map, with cross-entropy on what the classifier answers', {
  ...WITH_CE,
  definition: (x, p) => {
    const moved = projected(halved(pixelsOf(x, 3)), p);
    return 0.5 * crossEntropyOf(moved) + missOf(moved, pixelsOf(numbersOf('ft'), 3));
  },
});

test('simkd compares at the size of the smaller map, of whichever network', (t) => {
  const teacher = ofMap(input('ft8'));
  const objective = objectiveOf({ ...WITH_CE, of: 'fs', teacher, terms: [simkd(1)] });
  const student = answered(objective, ofMap(input('fs')));
  t.deepEqual(student.moved?.shape, [4, 4, 4, 3]);
  const { total } = objective.loss({ labels, fed: {}, student, teacher });
  const aim = halved(pixelsOf(numbersOf('ft8'), 3));
  const moved = pixelsOf([...(student.moved as tf.Tensor).dataSync<'float32'>()], 3);
  t.true(Math.abs(total.arraySync() - missOf(moved, aim)) < 1e-6);
  objective.dispose();
});

test('what simkd answers of an image is the same in every batch, once it is trained', (t) => {
  const objective = objectiveOf(WITH_CE);
  prepare(objective);
  for (const [name, variable] of objective.head?.modules.statistics ?? []) {
    if (name.endsWith('variance')) variable.assign(tf.fill(variable.shape, 0.4));
  }
  const answerOf = (images: tf.Tensor): number[] => {
    const logits = objective.head?.answer(ofMap(images), 'evaluate').logits;
    return [...(logits?.dataSync<'float32'>() ?? [])];
  };
  const all = input<tf.Tensor4D>('fs8');
  const alone = tf.slice(all, [2, 0, 0, 0], [1, 8, 8, 3]);
  const together = answerOf(all).slice(10, 15);
  t.is(together.length, 5);
  for (const [k, logit] of answerOf(alone).entries()) {
    t.true(Math.abs(logit - (together[k] ?? NaN)) < 1e-6);
  }
  objective.dispose();
});

const TRAINING: Omit<TrainSpec, 'teacher'> = {
  kind: 'train',
  device: { kind: 'cpu', threads: 1, precision: 'float32' },
  engine: 'recorded',
  dataset: FEW_DIGITS,
  code: digestJson('code'),
  model: { name: 'resnet8' },
  distillers: [{ name: 'ce', weight: 1 }],
  train: trainSchema.parse({
    ...{ epochs: 2, batch: 32, augment: { pad: 2, flip: false } },
    optimizer: { name: 'sgd', learningRate: 0.02 },
  }),
  seeds: { init: 2, data: 8 },
};
const memory = createMemory();
const weightsOf = async (spec: TrainSpec) => {
  const end = await work(spec, memory.context(spec));
  if (end.outcome !== 'done') throw new Error(end.outcome);
  const { metrics, files } = end.result;
  return { metrics, weights: files['weights']?.digest ?? '' };
};
const teacher: Trained = { model: { name: 'resnet14' }, weights: '' };

for (const vam of [undefined, { block: 8, entropyWeight: 0.001 }]) {
  const title = vam === undefined ? '' : ', with VAM as well';
  test.serial(
    `a student of simkd is evaluated as it was trained, by its head${title}`,
    async (t) => {
      const { weights: taughtBy } = await weightsOf({ ...TRAINING, model: teacher.model });
      const taught = { ...teacher, weights: taughtBy };
      const distiller = simkd(2);
      const spec: TrainSpec = {
        ...TRAINING,
        ...{ distillers: [distiller], teacher: taught, seeds: { init: 1, data: 7 } },
        answering: { distiller, teacher: 'resnet14' },
        ...(vam === undefined ? {} : { vam }),
      };
      const { metrics, weights } = await weightsOf(spec);
      const { device, engine, dataset, code } = TRAINING;
      const evaluation = { kind: 'evaluate', device, engine, dataset, code } as const;
      const network = networkOf(spec, weights);
      const judged = evaluationOf({ ...evaluation, teacher: taught }, network);
      const end = await work(judged, memory.context(judged));
      if (end.outcome !== 'done') throw new Error(end.outcome);
      const { metrics: found, files } = end.result;
      t.is(found['test.top1'], metrics['test.top1.last']);
      t.is(found['test.nll'], metrics['test.nll.last']);
      t.is(found['parameters'], metrics['parameters']);
      t.is(metrics['parameters.helpers'], undefined, 'the projector is no helper: it stays');
      // resnet8 but its classifier; 64 → 32, 3 × 3, 32 → 64, two values a channel of each norm; a classifier.
      const body = 78_042 - 650;
      const projector = 64 * 32 + 9 * 32 * 32 + 32 * 64 + 2 * (32 + 32 + 64);
      if (vam === undefined) t.is(metrics['parameters'], body + projector + 650);
      t.deepEqual(trainingCost(spec), { parameters: metrics['parameters'], helperParameters: 0 });
      const bytes = memory.blobs.get(files['evaluation']?.digest ?? '');
      const { folded } = JSON.parse(new TextDecoder().decode(bytes)) as {
        folded?: { sameTop1: boolean; maxLogitDifference: number };
      };
      t.is(folded?.sameTop1, vam === undefined ? undefined : true);
      t.true((folded?.maxLogitDifference ?? 0) < 1e-3);
    },
  );
}
