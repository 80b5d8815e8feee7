import test from 'ava';

import { VAM_ENTROPY } from '../../../learning/models/vam.ts';
import { runPosition } from '../../../learning/training/position.ts';
import { scheduleAt, type StepSettings } from '../../../learning/training/schedules.ts';
import type { Train } from '../../../study/train-schema.ts';
import { readGolden } from '../formula.ts';

type Rows = { readonly value: readonly (readonly number[])[]; readonly tolerance: number };
type Losses = {
  readonly fixtures: Readonly<Record<'HME_s1_lr' | 'HME_s2_lr' | 'STEP_lr', Rows>>;
};

const { HME_s1_lr, HME_s2_lr, STEP_lr } = readGolden<Losses>('losses').fixtures;
const WEIGHT_DECAY = 5e-4;

function training(
  schedule: Train['schedule'],
  epochs: number,
  scale = true,
  changes: Partial<Train> = {},
): Train {
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
    ...{ scale, publishedEpochs: 240, milestones: [150, 180, 210], factor: 0.1, warmUpEpochs: 0 },
    augment: { pad: 2, flip: false },
    ...changes,
  };
}

const near = (a: number, b: number, tolerance: number): boolean =>
  Math.abs(a - b) <= tolerance * Math.max(Math.abs(a), Math.abs(b));

/** The settings of all steps of a run, in order. */
function settingsOf(train: Train, stepsPerEpoch: number): StepSettings[] {
  return Array.from({ length: train.epochs * stepsPerEpoch }, (_, at) => {
    const epoch = Math.floor(at / stepsPerEpoch) + 1;
    return scheduleAt(train, { epoch, step: at % stepsPerEpoch, stepsPerEpoch });
  });
}

/** Every schedule, its published length and, from their sources, its factors in every epoch. */
const PUBLISHED: readonly (readonly [
  Train['schedule'],
  number,
  (epoch: number) => readonly [weights: number, gates: number],
])[] = [
  ['constant', 240, () => [1, 1]],
  [
    'step',
    240,
    (epoch) => {
      const factor = 0.1 ** [150, 180, 210].filter((milestone) => milestone < epoch).length;
      return [factor, factor];
    },
  ],
  [
    'explainer-soft',
    300,
    (epoch) => {
      if (epoch <= 2) return [epoch / 4, 0];
      const even = epoch - 1 - ((epoch - 1) % 2);
      const factor = even < 4 ? 1 : 1 - even / 309;
      return [factor, factor];
    },
  ],
  [
    'explainer-hard',
    300,
    (epoch) => [0.5 ** Math.floor(epoch / 30), 0.5 ** Math.floor(epoch / 30)],
  ],
];

for (const [schedule, epochs, { value, tolerance }] of [
  ['explainer-soft', 300, HME_s1_lr],
  ['explainer-hard', 300, HME_s2_lr],
  ['step', 240, STEP_lr],
] as const) {
  test(`${schedule} is the reference's at the published length, at every step of an epoch`, (t) => {
    const train = training(schedule, epochs);
    for (const [epoch = 0, rate = 0, gateRate] of value) {
      for (const step of [0, 1, 77, 78]) {
        const settings = scheduleAt(train, { epoch, step, stepsPerEpoch: 79 });
        t.true(near(settings.learningRate, rate, tolerance), `epoch ${epoch}`);
        if (gateRate !== undefined) {
          t.true(near(settings.gateLearningRate, gateRate, tolerance), `gates, epoch ${epoch}`);
        }
      }
    }
  });
}

for (const [schedule, length, factorsOf] of PUBLISHED) {
  /** By published epoch, from 1. */
  const published = Array.from({ length }, (_, done) => {
    const [weights, gates] = factorsOf(done + 1);
    return { learningRate: 0.05 * weights, gateLearningRate: 0.01 * gates };
  });
  const ratesOf = (train: Train, stepsPerEpoch: number) =>
    settingsOf(train, stepsPerEpoch).map(({ learningRate, gateLearningRate }) => {
      return { learningRate, gateLearningRate };
    });

  test(`${length} epochs of ${schedule} are the published ones, to the bit`, (t) => {
    for (const stepsPerEpoch of [1, 3]) {
      const wanted = published.flatMap((rates) => Array<typeof rates>(stepsPerEpoch).fill(rates));
      t.deepEqual(ratesOf(training(schedule, length), stepsPerEpoch), wanted);
    }
  });

  for (const epochs of [1, 2, 4, 6, 24, 600]) {
    test(`${epochs} epochs of ${schedule} are the published run with other steps per epoch`, (t) => {
      // Ten steps for every published epoch, whatever the run calls an epoch.
      const stepsPerEpoch = (length * 10) / epochs;
      const wanted = published.flatMap((rates) => Array<typeof rates>(10).fill(rates));
      t.deepEqual(ratesOf(training(schedule, epochs), stepsPerEpoch), wanted);
    });
  }

  test(`a run of ${schedule} that is not stretched is the beginning of the published one`, (t) => {
    t.deepEqual(ratesOf(training(schedule, 40, false), 1), published.slice(0, 40));
  });
}

test('the gates of a short run pass through all published temperatures, soft ones first', (t) => {
  const temperatures = settingsOf(training('explainer-soft', 6), 50).map(
    ({ inverseGateTemperature }) => inverseGateTemperature,
  );
  t.deepEqual(
    temperatures,
    Array.from({ length: 300 }, (_, done) => (done + 1) / 5),
  );
  const [held, ...learning] = settingsOf(training('explainer-soft', 6), 25)
    .filter(({ gateLearningRate }, at) => at === 0 || gateLearningRate > 0)
    .map(({ inverseGateTemperature }) => inverseGateTemperature);
  t.is(held, 0.2);
  t.is(learning[0], 0.6, 'the gates first learn while every expert still has a share');
});

test("VAM's entropy gains its weight over the first 20 of 240 epochs, in a run of any length", (t) => {
  const published = Array.from({ length: 240 }, (_, done) => Math.min(1, done / 20));
  for (const epochs of [1, 4, 240]) {
    const train = training('step', epochs);
    const stepsPerEpoch = 240 / epochs;
    const shares = published.map((_, at) => {
      const epoch = Math.floor(at / stepsPerEpoch) + 1;
      const step = at % stepsPerEpoch;
      return VAM_ENTROPY.share?.(runPosition(train, { epoch, step, stepsPerEpoch }), {});
    });
    t.deepEqual(shares, published);
  }
});

test('a position names the published epoch and the share of the run that is done', (t) => {
  const at = { epoch: 3, step: 5, stepsPerEpoch: 10 };
  const position = { ...at, epochs: 4, progress: 0.625 };
  t.deepEqual(runPosition(training('step', 4), at), { ...position, publishedEpoch: 151 });
  t.deepEqual(runPosition(training('explainer-hard', 4), at), { ...position, publishedEpoch: 188 });
  t.deepEqual(runPosition(training('step', 4, false), at), { ...position, publishedEpoch: 3 });
});

test("another protocol's length, milestones and factor are followed, at any length", (t) => {
  // Tiny-ImageNet in mdistiller: 200 epochs, ×0.1 after 60, 120 and 160.
  const tiny = { publishedEpochs: 200, milestones: [60, 120, 160], factor: 0.2 };
  for (const epochs of [200, 5, 400]) {
    const rates = settingsOf(training('step', epochs, true, tiny), 2000 / epochs);
    const falls = rates.flatMap(({ learningRate }, at) =>
      learningRate < (rates[at - 1]?.learningRate ?? 0) ? [[at, learningRate / 0.05]] : [],
    );
    t.deepEqual(
      falls.map(([at]) => at),
      [600, 1200, 1600],
    );
    falls.forEach(([, factor = 0], k) => t.true(near(factor, 0.2 ** (k + 1), 1e-12)));
  }
});

test('a linear warm-up ends at the full rate, and a cosine goes on from there to zero', (t) => {
  const warm = { publishedEpochs: 10, warmUpEpochs: 4 };
  const ratesOf = (schedule: Train['schedule']) =>
    settingsOf(training(schedule, 10, true, warm), 1).map(
      (settings) => settings.learningRate / 0.05,
    );
  const cosine = [0, 1, 2, 3, 4, 5].map((done) => (1 + Math.cos((Math.PI * done) / 6)) / 2);
  for (const [schedule, after] of [
    ['constant', [1, 1, 1, 1, 1, 1]],
    ['cosine', cosine],
  ] as const) {
    const rates = ratesOf(schedule);
    [0.25, 0.5, 0.75, 1, ...after].forEach((wanted, at) =>
      t.true(near(rates[at] ?? NaN, wanted, 1e-12), `${schedule}, epoch ${at + 1}`),
    );
  }
});
