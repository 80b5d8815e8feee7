import test from 'ava';

import { tf } from '../../../learning/engine/backend.ts';
import { createObjective, groundOf } from '../../../learning/training/objective.ts';
import { createOptimizer, trainedParameters } from '../../../learning/training/session.ts';
import { createStep, runStep, stepFeeds } from '../../../learning/training/step.ts';
import { digestJson } from '../../../study/canonical.ts';
import type { TrainSpec } from '../../../study/spec.ts';
import { trainSchema } from '../../../study/train-schema.ts';
import { FEW_DIGITS } from '../memory.ts';
import { randomNetwork, randomTensor } from '../networks.ts';

const T = 4;
const BATCH = 6;
const SIZE = 32;

function specOf(engine: TrainSpec['engine']): TrainSpec {
  return {
    ...{ kind: 'train', code: digestJson('code'), engine, dataset: FEW_DIGITS },
    device: { kind: 'cpu', threads: 1, precision: 'float32' },
    model: { name: 'resnet8' },
    distillers: [{ name: 'kd', weight: 1, temperature: T }],
    teacher: { model: { name: 'resnet8' }, weights: digestJson('teacher') },
    train: trainSchema.parse({
      ...{ epochs: 1, batch: BATCH },
      optimizer: { name: 'sgd', learningRate: 0.1 },
    }),
    seeds: { init: 1, data: 1 },
  };
}

for (const engine of ['eager', 'recorded'] as const) {
  test(`${engine}: the teacher runs on its running statistics, and nothing of it changes`, (t) => {
    const spec = specOf(engine);
    const student = { network: randomNetwork({ imageSize: SIZE }) };
    const teacher = randomNetwork({ imageSize: SIZE }, 7);
    // In training mode it would use the batch's own.
    for (const [name, statistic] of teacher.statistics) {
      const moved = tf.add(tf.abs(randomTensor(statistic.shape as [number], name)), 0.5);
      statistic.assign(moved);
    }
    const objective = createObjective(spec, groundOf(spec, new Int32Array(150)));
    const optimizer = createOptimizer(spec, trainedParameters(student));
    const parts = { spec, student, teacher, objective, optimizer };
    const images = randomTensor<tf.Rank.R4>([BATCH, SIZE, SIZE, 3]);
    const expected = tf.tidy(() => {
      const p = tf.softmax(tf.div(teacher.forward(images, { mode: 'evaluate' }).logits, T));
      const copy = randomNetwork({ imageSize: SIZE });
      const q = tf.logSoftmax(tf.div(copy.forward(images, { mode: 'train' }).logits, T));
      copy.dispose();
      const divergence = tf.sum(tf.mul(p, tf.sub(tf.log(p), q)));
      return ((divergence.arraySync() as number) * (T * T)) / BATCH;
    });
    const before = valuesOf(teacher);
    const trainer = createStep(parts);
    const batch = {
      ...{ count: BATCH, images: images.dataSync<'float32'>() },
      labels: Int32Array.from({ length: BATCH }, (_, i) => i),
      positions: Uint32Array.from({ length: BATCH }, (_, i) => i),
    };
    const at = { epoch: 1, step: 0, stepsPerEpoch: 1 };
    const feeds = stepFeeds(parts, { batch, at, rowOf: (image) => image });
    const { kd = Number.NaN } = runStep(trainer, feeds);
    t.true(Math.abs(kd - expected) < 1e-4 * expected, `${kd}, not ${expected}`);
    t.deepEqual(valuesOf(teacher), before);
    for (const part of [trainer, objective, optimizer, student.network, teacher]) part.dispose();
  });
}

function valuesOf({ trainable, statistics }: ReturnType<typeof randomNetwork>): number[][] {
  const variables = [
    ...[...trainable.values()].map(({ variable }) => variable),
    ...statistics.values(),
  ];
  return variables.map((variable) => [...variable.dataSync()]);
}
