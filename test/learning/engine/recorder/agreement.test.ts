import test from 'ava';

import { DISTILLERS } from '../../../../distillers/registry.ts';
import { tf } from '../../../../learning/engine/backend.ts';
import { MODEL_NAMES } from '../../../../study/models/models.ts';
import type { ExperimentOptions, Method } from './experiment.ts';
import { createExperiment, isExplainer } from './experiment.ts';

type Setting = Omit<ExperimentOptions, 'engine'>;

/** Largest difference relative to the largest expected value. */
function relativeError(actual: Float32Array, expected: Float32Array): number {
  const scale = expected.reduce((peak, value) => Math.max(peak, Math.abs(value)), 0);
  const error = expected.reduce(
    (peak, value, index) => Math.max(peak, Math.abs(value - (actual[index] ?? Number.NaN))),
    0,
  );
  return scale === 0 ? error : error / scale;
}

function gradientsOf(setting: Setting, engine: 'eager' | 'recorded'): Map<string, Float32Array> {
  const experiment = createExperiment({ ...setting, engine });
  const feeds = experiment.feeds(1);
  const gradients = experiment.gradients(feeds);
  tf.dispose(feeds);
  experiment.dispose();
  return gradients;
}

const sameFirstStep = test.macro({
  title: (_, model: string, method: Method) =>
    `${model} with ${method}: recorded and eager give the same loss and gradients to 1e-5`,
  exec: (t, model: string, method: Method) => {
    const eager = gradientsOf({ model, method }, 'eager');
    const recorded = gradientsOf({ model, method }, 'recorded');
    t.deepEqual([...recorded.keys()], [...eager.keys()]);
    for (const [name, expected] of eager) {
      const error = relativeError(recorded.get(name) ?? new Float32Array(), expected);
      t.true(error <= 1e-5, `${name} is off by ${error}`);
    }
  },
});

/** One of each kind of block and of width: depth only repeats them. */
const KINDS = ['resnet20', 'resnet8x4', 'wrn_16_1', 'wrn_16_2', 'hme_ltb'] as const;

/** Methods beside `ce` and `kd`. */
const OTHERS = DISTILLERS.map(({ name }) => name).filter((name) => name !== 'ce' && name !== 'kd');

for (const model of MODEL_NAMES) test(sameFirstStep, model, 'ce');
for (const model of KINDS) test(sameFirstStep, model, 'kd');
for (const method of OTHERS) {
  test(sameFirstStep, 'resnet8', method);
}

const STEPS = 6;

function losses(setting: Setting, engine: 'eager' | 'recorded', scale = 1): Float32Array {
  const experiment = createExperiment({ ...setting, engine });
  const values = Float32Array.from({ length: STEPS }, (_, step) => {
    const feeds = experiment.feeds(step % 2, undefined, scale);
    const loss = experiment.step(feeds);
    tf.dispose(feeds);
    return loss;
  });
  experiment.dispose();
  return values;
}

const sameTrajectory = test.macro({
  title: (_, { model, method }: Setting) =>
    `${model} with ${method} drifts from eager at most twice as far as a 1e-6 change of the images makes it`,
  exec: (t, setting: Setting) => {
    const eager = losses(setting, 'eager');
    const drift = relativeError(losses(setting, 'recorded'), eager);
    const own = relativeError(losses(setting, 'eager', 1 + 1e-6), eager);
    t.log(`recorded ${drift}, changed images ${own}`);
    // One nudge is one sample of what rounding does: dist, on few images, has it in six digits.
    t.true(drift <= Math.max(2 * own, 1e-6), `recorded ${drift}, changed images ${own}`);
  },
});

for (const model of KINDS) {
  // Depth amplifies rounding: at the rate of a study some losses would rise to where it rules.
  const training = isExplainer(model)
    ? ({ optimizer: 'adam', rate: 1e-3 } as const)
    : ({ optimizer: 'sgd', rate: 0.01 } as const);
  test(sameTrajectory, { model, method: 'ce', ...training });
  test(sameTrajectory, { model, method: 'kd', ...training });
}
for (const method of OTHERS) {
  test(sameTrajectory, { model: 'resnet8', method, rate: 0.01 });
}
