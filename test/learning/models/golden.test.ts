import test from 'ava';

import { tf } from '../../../learning/engine/backend.ts';
import type { Forward, Network, Pass } from '../../../learning/engine/network.ts';
import { formulaImages, formulaNetwork, readGolden, relativeError } from '../formula.ts';

type Sample = { readonly at: number[]; readonly value: number };
type FeatureFixture = {
  readonly shape: number[];
  readonly mean: number;
  readonly abs_mean: number;
  readonly samples: readonly Sample[];
};
type Statistics = { readonly sum_running_mean: number; readonly sum_running_var: number };
type ModelFixture = {
  readonly logits_eval: number[][];
  readonly logits_train: number[][];
  readonly logits_eval_64x64_input: number[][];
  readonly batchnorm_after_one_train_forward: Statistics;
  readonly features_eval: Readonly<Record<string, FeatureFixture>>;
  /** Absent where no ReLU stands at the end of a stage. */
  readonly preactivation_features_eval?: Readonly<Record<string, Omit<FeatureFixture, 'shape'>>>;
  readonly tolerance: { readonly eval: number; readonly train: number };
};
type LevelFixture = { readonly shape: number[]; readonly mean: number; readonly abs_mean: number };
type GateFixture = {
  readonly alpha: Readonly<Record<string, number[][]>>;
  readonly logits_eval: number[][];
  readonly logits_train_dropout_off: number[][];
  readonly batchnorm_after_one_train_forward: Statistics;
  readonly level_outputs_eval: Readonly<Record<string, readonly LevelFixture[]>>;
  readonly tolerance: Readonly<Record<string, number>>;
};
type Golden = {
  readonly constants: Readonly<Record<string, number>>;
  readonly models: Readonly<Record<string, ModelFixture>> & {
    readonly LearnToBranch_tree: { readonly gates: Readonly<Record<string, GateFixture>> };
  };
};
type Assert = { true(value: boolean, message?: string): boolean };

const golden = readGolden<Golden>('models');

function near(t: Assert, actual: number, wanted: number, tolerance: number, what: string): void {
  t.true(Math.abs(actual - wanted) <= tolerance, `${what} is ${actual}, not ${wanted}`);
}

function sameLogits(t: Assert, forward: Forward, expected: number[][], tolerance: number): void {
  const error = relativeError([...forward.logits.dataSync()], expected.flat());
  t.true(error <= tolerance, `logits are off by ${error}`);
}

function meanOf(tensor: tf.Tensor): number {
  return tf.mean(tensor).arraySync() as number;
}

/** Sums of the running means and variances over all channels, within 1e-4 of the larger. */
function sameStatistics(t: Assert, network: Network, expected: Statistics): void {
  const sums = { mean: 0, variance: 0 };
  for (const [name, statistic] of network.statistics) {
    const kind = name.endsWith('/mean') ? 'mean' : 'variance';
    sums[kind] += tf.sum(statistic).arraySync() as number;
  }
  const tolerance = 1e-4 * expected.sum_running_var;
  near(t, sums.mean, expected.sum_running_mean, tolerance, 'sum of running means');
  near(t, sums.variance, expected.sum_running_var, tolerance, 'sum of running variances');
}

function sameFeatures(t: Assert, forward: Forward, expected: ModelFixture): void {
  for (const [key, feature] of Object.entries(expected.features_eval)) {
    const actual = forward.features[Number(key.slice(1))] as tf.Tensor;
    t.true(
      String(actual.shape) === String(feature.shape),
      `${key} has shape ${String(actual.shape)}`,
    );
    const tolerance = expected.tolerance.eval * feature.abs_mean;
    near(t, meanOf(actual), feature.mean, tolerance, `mean of ${key}`);
    for (const { at, value } of feature.samples) {
      const [sample] = tf
        .slice(
          actual,
          at,
          at.map(() => 1),
        )
        .dataSync();
      near(t, sample ?? Number.NaN, value, 10 * tolerance, `${key} at ${String(at)}`);
    }
  }
}

function samePreActivations(t: Assert, forward: Forward, expected: ModelFixture): void {
  for (const [key, feature] of Object.entries(expected.preactivation_features_eval ?? {})) {
    const actual = forward.preActivations[Number(key.slice(1)) - 1] as tf.Tensor;
    const tolerance = expected.tolerance.eval * feature.abs_mean;
    near(t, meanOf(actual), feature.mean, tolerance, `mean of ${key} before its activation`);
  }
}

/** Our names, and those that the reference has for some of them. */
const MODELS: readonly (readonly [model: string, reference?: string])[] = [
  ['resnet20'],
  ['resnet56'],
  ['resnet8x4'],
  ['resnet32x4'],
  ['resnet18', 'ResNet18'],
  ['resnet50', 'ResNet50'],
  ['wrn_16_2'],
  ['wrn_40_1'],
  ['wrn_40_2'],
  ['vgg8'],
  ['vgg13'],
  ['mobilenetv2', 'MobileNetV2'],
  ['shufflenetv1', 'ShuffleV1'],
  ['shufflenetv2', 'ShuffleV2'],
];

for (const [model, reference = model] of MODELS) {
  const expected = golden.models[reference] as ModelFixture;
  test(`${model} computes the logits, features and statistics of the reference`, (t) => {
    const network = formulaNetwork(golden.constants, { model });
    tf.tidy(() => {
      const images = formulaImages(golden.constants, { batch: 2 });
      const evaluated = network.forward(images, { mode: 'evaluate' });
      sameLogits(t, evaluated, expected.logits_eval, expected.tolerance.eval);
      sameFeatures(t, evaluated, expected);
      const kept = network.forward(images, { mode: 'evaluate', keepsPreActivations: true });
      sameFeatures(t, kept, expected);
      samePreActivations(t, kept, expected);
      const trained = network.forward(images, { mode: 'train' });
      sameLogits(t, trained, expected.logits_train, expected.tolerance.train);
      sameStatistics(t, network, expected.batchnorm_after_one_train_forward);
    });
    network.dispose();
  });

  test(`${model} reads images of 64 × 64 pixels`, (t) => {
    const network = formulaNetwork(golden.constants, { model, imageSize: 64 });
    tf.tidy(() => {
      const images = formulaImages(golden.constants, { batch: 2, size: 64 });
      const evaluated = network.forward(images, { mode: 'evaluate' });
      sameLogits(t, evaluated, expected.logits_eval_64x64_input, expected.tolerance.eval);
    });
    network.dispose();
  });
}

/** The gates of the fixture: annealed to the epoch of their name, or hard. */
function gatePass(name: string): Partial<Pass> {
  if (name === 'hard') return { hardGates: true };
  return { inverseGateTemperature: tf.scalar(Number(name.slice('epoch'.length)) / 5) };
}

function sameGatesAndExperts(t: Assert, forward: Forward, expected: GateFixture): void {
  for (const [index, gate] of (forward.gates ?? []).entries()) {
    const alpha = expected.alpha[`gate${index + 2}`] as number[][];
    const error = relativeError([...gate.dataSync()], alpha.flat());
    t.true(error <= 1e-5, `gate ${index + 2} is off by ${error}`);
  }
  for (const [index, level] of (forward.experts ?? []).entries()) {
    for (const [position, output] of level.entries()) {
      const fixture = expected.level_outputs_eval[`h${index + 1}`]?.[position] as LevelFixture;
      const name = `expert ${position + 1} of level ${index + 1}`;
      t.true(String(output?.shape) === String(fixture.shape), `${name}: ${String(output?.shape)}`);
      near(t, meanOf(output as tf.Tensor), fixture.mean, 1e-4 * fixture.abs_mean, name);
    }
  }
}

for (const [name, expected] of Object.entries(golden.models.LearnToBranch_tree.gates)) {
  test(`the explainer computes the logits and experts of the reference with gates of ${name}`, (t) => {
    const network = formulaNetwork(golden.constants, { model: 'hme_ltb' });
    tf.tidy(() => {
      const images = formulaImages(golden.constants, { batch: 2 });
      const pass = gatePass(name);
      const evaluated = network.forward(images, { mode: 'evaluate', ...pass });
      sameLogits(t, evaluated, expected.logits_eval, 1e-4);
      sameGatesAndExperts(t, evaluated, expected);
      const trained = network.forward(images, { mode: 'train', ...pass });
      sameLogits(t, trained, expected.logits_train_dropout_off, 1e-4);
      sameStatistics(t, network, expected.batchnorm_after_one_train_forward);
    });
    network.dispose();
  });
}
