import test from 'ava';

import { scheduleAt } from '../../../learning/training/schedules.ts';
import type { Train } from '../../../study/schema.ts';
import { readGolden } from '../formula.ts';

type Rows = { readonly value: readonly (readonly number[])[]; readonly tolerance: number };
type Losses = {
  readonly fixtures: Readonly<Record<'HME_s1_lr' | 'HME_s2_lr' | 'STEP_lr', Rows>>;
};

const { HME_s1_lr, HME_s2_lr, STEP_lr } = readGolden<Losses>('losses').fixtures;
const WEIGHT_DECAY = 5e-4;

function training(schedule: Train['schedule'], epochs: number, scale = true): Train {
  return {
    epochs,
    batch: 64,
    optimizer: {
      name: 'adam',
      learningRate: 0.05,
      gateLearningRate: 0.01,
      weightDecay: WEIGHT_DECAY,
    },
    schedule,
    scale,
    augment: { pad: 2, flip: false },
  };
}

const ratesOf = (train: Train): number[] =>
  Array.from({ length: train.epochs }, (_, done) => scheduleAt(train, done + 1).learningRate);

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const near = (a: number, b: number, tolerance = 1e-12): boolean =>
  Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));

for (const [schedule, epochs, { value, tolerance }] of [
  ['explainer-soft', 300, HME_s1_lr],
  ['explainer-hard', 300, HME_s2_lr],
  ['step', 240, STEP_lr],
] as const) {
  test(`${schedule} is the reference's at the published length`, (t) => {
    for (const [epoch = 0, rate = 0, gateRate] of value) {
      const settings = scheduleAt(training(schedule, epochs), epoch);
      t.true(near(settings.learningRate, rate, tolerance), `epoch ${epoch}`);
      if (gateRate !== undefined) {
        t.true(near(settings.gateLearningRate, gateRate, tolerance), `gates, epoch ${epoch}`);
      }
    }
  });
}

/** The published schedules that fall in steps: length, and the factor of each epoch. */
const STEPPED = [
  ['explainer-hard', 300, (epoch: number) => 0.5 ** Math.floor(epoch / 30)],
  [
    'step',
    240,
    (epoch: number) => 0.1 ** [150, 180, 210].filter((milestone) => milestone < epoch).length,
  ],
] as const;

for (const [schedule, length, factorOf] of STEPPED) {
  const published = ratesOf(training(schedule, length));

  test(`${length} epochs of ${schedule} are the published ones, to the bit`, (t) => {
    t.deepEqual(
      published,
      published.map((_, done) => 0.05 * factorOf(done + 1)),
    );
  });

  for (const epochs of [1, 2, 4, 7, 10, 29, 150, 600]) {
    test(`${epochs} epochs of ${schedule} learn at the mean rate of the published ones`, (t) => {
      const rates = ratesOf(training(schedule, epochs));
      t.true(near(mean(rates), mean(published)), `${mean(rates)}`);
      const rises = rates.some((rate, at) => rate > (rates[at - 1] ?? rate) * (1 + 1e-12));
      t.false(rises, `${rates.join(', ')}`);
    });
  }

  test(`a run of ${schedule} that is not stretched is the beginning of the published one`, (t) => {
    t.deepEqual(ratesOf(training(schedule, 40, false)), published.slice(0, 40));
  });
}
