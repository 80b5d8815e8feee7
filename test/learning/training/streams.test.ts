import test from 'ava';

import { NO_SUMS } from '../../../learning/checkpoints.ts';
import { openInput } from '../../../learning/data/input.ts';
import { trainEpoch } from '../../../learning/training/epoch.ts';
import { batchPlan, openSession } from '../../../learning/training/session.ts';
import type { StepFeeds } from '../../../learning/training/step.ts';
import { digestJson } from '../../../study/canonical.ts';
import type { TrainSpec } from '../../../study/spec.ts';
import { createMemory, FEW_DIGITS } from '../memory.ts';

const STUDENT: TrainSpec = {
  kind: 'train',
  device: { kind: 'cpu', threads: 1, precision: 'float32' },
  engine: 'eager',
  dataset: FEW_DIGITS,
  code: digestJson('code'),
  model: { name: 'resnet8' },
  distillers: [{ name: 'ce', weight: 1 }],
  train: {
    ...{
      epochs: 1,
      batch: 50,
      schedule: 'constant',
      scale: true,
      publishedEpochs: 240,
      milestones: [150, 180, 210],
      factor: 0.1,
      warmUpEpochs: 0,
    },
    augment: { pad: 2, flip: false },
    optimizer: {
      name: 'sgd',
      learningRate: 0.01,
      momentum: 0.9,
      nesterov: false,
      weightDecay: 5e-4,
    },
  },
  seeds: { init: 1029, data: 1029 },
};

/** All that one epoch of a training draws, and what it is fed. */
async function draws(spec: TrainSpec) {
  const session = await openSession(spec, createMemory().context(spec));
  const weights = new Set<number>();
  for (const { variable } of session.student.network.trainable.values()) {
    const values = variable.dataSync<'float32'>();
    // Constants, gammas and betas, are not drawn.
    if (new Set(values).size > 1) for (const value of values) weights.add(value);
  }
  const fed = { labels: [] as number[], images: [] as string[], dropout: [] as number[] };
  const step = (feeds: StepFeeds) => {
    const { images, labels, dropoutSeed } = feeds;
    for (const image of images.unstack()) {
      fed.images.push(Buffer.from(image.dataSync().slice().buffer).toString('base64'));
    }
    fed.labels.push(...labels.dataSync());
    fed.dropout.push(...dropoutSeed.dataSync());
    return session.trainer.step(feeds);
  };
  const input = openInput(batchPlan(session), { epoch: 1, step: 0 });
  await trainEpoch(
    { ...session, trainer: { ...session.trainer, step } },
    ...([input, 1, { step: 0, sums: NO_SUMS }, () => Promise.resolve(false)] as const),
  );
  await input.close();
  session.dispose();
  return { weights, ...fed };
}

/** How many values both have. */
function common<Value>(a: Iterable<Value>, b: Iterable<Value>): number {
  const others = new Set(b);
  return [...new Set(a)].filter((value) => others.has(value)).length;
}

test('a teacher draws nothing that a student of the same seed draws', async (t) => {
  const [student, teacher, other] = [
    await draws(STUDENT),
    await draws({ ...STUDENT, streams: 'teacher/resnet14' }),
    await draws({ ...STUDENT, streams: 'teacher/another' }),
  ];
  t.is(student.images.length, 150);
  t.true(student.weights.size > 70_000);
  for (const [a, b] of [
    [student, teacher],
    [teacher, other],
  ] as const) {
    // Singles are few enough that some of 77,000 values meet by chance.
    t.true(common(a.weights, b.weights) < 0.01 * a.weights.size, 'weights');
    t.notDeepEqual(a.labels, b.labels, 'order');
    t.is(common(a.dropout, b.dropout), 0, 'dropout');
    // An image moves to one of 25 places.
    const moved = common(a.images, b.images);
    t.true(moved < 30, `${moved} of 150 images are moved alike`);
  }
});

test('two students of one seed draw the same, whatever teaches them', async (t) => {
  const [ce, smoothed] = [
    await draws(STUDENT),
    await draws({ ...STUDENT, distillers: [{ name: 'ls', weight: 1, smoothing: 0.1 }] }),
  ];
  t.deepEqual(smoothed, ce);
});
