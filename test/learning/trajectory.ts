/**
 * Short training runs of the golden fixture `train.json`: float64 trajectories of the reference code
 * from formula weights. The first two steps are the strict test; later ones drift at the kinks of
 * ReLU and maximum.
 */
import { adam } from '../../learning/engine/adam.ts';
import { tf } from '../../learning/engine/backend.ts';
import type { Network, Parameter, Pass } from '../../learning/engine/network.ts';
import type { Optimizer } from '../../learning/engine/optimizer.ts';
import { sgd } from '../../learning/engine/sgd.ts';
import type { Feeds, LossTerms } from '../../learning/engine/trainer.ts';
import { createTrainer } from '../../learning/engine/trainer.ts';
import { formulaImages, formulaNetwork, readGolden } from './formula.ts';

type Trajectory = {
  readonly loss_each_step: readonly number[];
  readonly loss_after_last_step_train_mode: number;
  readonly ce_and_kd_each_step?: readonly (readonly [number, number])[];
  readonly gradient_l2_by_kind_step1: Readonly<Record<string, number>>;
  readonly parameters_after_last_step: { readonly sum: number; readonly l2: number };
  readonly gates_after_last_step?: Readonly<
    Record<string, { readonly sum: number; readonly l2: number; readonly first_row: number[] }>
  >;
  readonly tolerance_each_step: readonly (number | null)[];
};

const golden = readGolden<{
  readonly constants: Readonly<Record<string, number>>;
  readonly config: Readonly<Record<string, number>> & { readonly labels: readonly number[] };
  readonly teacher_logits: number[][];
  readonly cases: Readonly<Record<string, Trajectory>>;
}>('train');
const config = golden.config;
const value = (name: string): number => config[name] as number;

/** One step's learning rates and inverse gate temperature. */
type Schedule = (step: number) => { rate: number; gateRate: number; inverseTemperature: number };

export type Setting = {
  readonly model: string;
  readonly label: 'ce' | 'ls' | 'kd';
  readonly optimizer: 'sgd' | 'adam';
  readonly schedule: Schedule;
  readonly hard?: boolean;
};

export const constant = (rate: string): Schedule => {
  const rates = { rate: value(rate), gateRate: value(rate), inverseTemperature: 1 };
  return () => rates;
};
export const stageOneConstant: Schedule = () => ({
  rate: value('s1c_global'),
  gateRate: value('s1c_branch'),
  inverseTemperature: value('s1c_epoch') / 5,
});
/** The published schedule, a step taken as an epoch. */
export const stageOne =
  (base: string): Schedule =>
  (step) => {
    const inverseTemperature = step / 5;
    if (step <= 2) return { rate: (value(base) * step) / 4, gateRate: 0, inverseTemperature };
    const odd = step % 2 === 1 ? step : step - 1;
    const decay = odd >= 5 ? 1 - (odd - 1) / 309 : 1;
    const gateRate = value('s1_branch') * decay;
    return { rate: value(base) * decay, gateRate, inverseTemperature };
  };

function crossEntropy(labels: tf.Tensor, logits: tf.Tensor): tf.Scalar {
  return tf.neg(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(logits as tf.Tensor2D)), 1)));
}

function divergence(teacher: tf.Tensor, student: tf.Tensor, temperature: number): tf.Scalar {
  const target = tf.softmax(tf.div<tf.Tensor2D>(teacher, temperature));
  const logTarget = tf.logSoftmax(tf.div<tf.Tensor2D>(teacher, temperature));
  const logStudent = tf.logSoftmax(tf.div<tf.Tensor2D>(student, temperature));
  const perImage = tf.sum(tf.mul(target, tf.sub(logTarget, logStudent)), 1);
  return tf.mul(tf.mean(perImage), temperature ** 2);
}

function lossOf(label: Setting['label'], logits: tf.Tensor, feeds: Feeds): LossTerms {
  const labels = feeds['labels'] as tf.Tensor;
  const smoothing = value('ls_eps');
  if (label === 'ls') {
    const smooth = tf.add(tf.mul(labels, 1 - smoothing), smoothing / value('C'));
    return { total: crossEntropy(smooth, logits) };
  }
  const ce = crossEntropy(labels, logits);
  if (label === 'ce') return { total: ce };
  const kd = divergence(feeds['teacher'] as tf.Tensor, logits, value('T'));
  return { total: tf.add(tf.mul(ce, value('w_ce')), tf.mul(kd, value('w_kd'))), ce, kd };
}

function buildOptimizer(setting: Setting, parameters: readonly Parameter[]): Optimizer {
  const weightDecay = value('wd');
  if (setting.optimizer === 'adam') return adam({ parameters, weightDecay });
  return sgd({ parameters, weightDecay, momentum: value('momentum') });
}

/** The kinds of tensors by which the fixture reports gradients. */
function kindOf({ name, variable }: Parameter): string {
  const kind = name.split('/').at(-1);
  if (name.startsWith('gate')) return `gate_${name.slice(4, 5)}`;
  if (kind === 'gamma' || kind === 'beta') return `bn_${kind}`;
  const layer = name.startsWith('heads/') || name.startsWith('classifier/') ? 'linear' : 'conv';
  if (kind === 'bias') return `${layer}_bias`;
  return layer === 'conv' && variable.rank === 4 ? 'conv_weight' : 'linear_weight';
}

/** Watches an optimiser: the L2 norm of the first step's gradients by kind. */
function watched(optimizer: Optimizer, norms: Map<string, number>): Optimizer {
  return {
    ...optimizer,
    apply: (gradients, rates) => {
      if (norms.size === 0) {
        for (const parameter of optimizer.parameters) {
          const gradient = gradients.get(parameter.name) as tf.Tensor;
          const square = tf.sum(tf.square(gradient)).arraySync() as number;
          const kind = kindOf(parameter);
          norms.set(kind, (norms.get(kind) ?? 0) + square);
        }
      }
      optimizer.apply(gradients, rates);
    },
  };
}

type Run = {
  readonly network: Network;
  /** Terms of each step; the last entry is the pass after the last step. */
  readonly terms: readonly Readonly<Record<string, number>>[];
  readonly norms: ReadonlyMap<string, number>;
};

/** The loss of one training pass over a fixed batch. */
function lossFunction(network: Network, setting: Setting): (feeds: Feeds) => LossTerms {
  return (feeds) => {
    const pass: Pass = {
      mode: 'train',
      hardGates: setting.hard === true,
      inverseGateTemperature: feeds['inverseTemperature'] as tf.Scalar,
    };
    const { logits } = network.forward(feeds['images'] as tf.Tensor4D, pass);
    return lossOf(setting.label, logits, feeds);
  };
}

/** What every step is fed: the same batch, and the rates of the step (from 1). */
function feedsFor({ schedule }: Setting): (step: number) => Feeds {
  const images = formulaImages(golden.constants, { batch: value('B'), textured: true });
  const labels = tf.oneHot(tf.tensor1d([...config.labels], 'int32'), value('C')).toFloat();
  const teacher = tf.tensor2d(golden.teacher_logits);
  return (step) => {
    const scalars = Object.entries(schedule(step)).map(
      ([name, number]) => [name, tf.scalar(number)] as const,
    );
    return { images, labels, teacher, ...Object.fromEntries(scalars) };
  };
}

function read(outputs: Readonly<Record<string, tf.Tensor>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, tensor]) => [name, tensor.arraySync() as number]),
  );
}

function run(setting: Setting): Run {
  const network = formulaNetwork(golden.constants, { model: setting.model });
  const parameters = [...network.trainable.values()].filter(
    ({ group }) => setting.hard !== true || group !== 'gates',
  );
  const norms = new Map<string, number>();
  const loss = lossFunction(network, setting);
  const trainer = createTrainer({
    engine: 'eager',
    optimizer: watched(buildOptimizer(setting, parameters), norms),
    loss,
    rates: (feeds) => {
      const rate = feeds['rate'] as tf.Scalar;
      return { weights: rate, vam: rate, gates: feeds['gateRate'] as tf.Scalar };
    },
  });
  const feedsOf = feedsFor(setting);
  const steps = value('steps');
  const terms = Array.from({ length: steps }, (_, k) => read(trainer.step(feedsOf(k + 1))));
  terms.push(read(loss(feedsOf(steps))));
  return { network, terms, norms };
}

/** What a test says of a run: whether each figure is within its tolerance. */
export type Check = (isWithin: boolean, message: string) => void;

/** Runs one case of the fixture and checks losses, gradients, parameters and gates. */
export function followTrajectory(name: string, setting: Setting, check: Check): void {
  const expected = golden.cases[name] as Trajectory;
  const { network, terms, norms } = run(setting);
  const near = (actual: number, wanted: number, tolerance: number, what: string): void =>
    check(Math.abs(actual - wanted) <= tolerance, `${what} is ${actual}, not ${wanted}`);

  const losses = [...expected.loss_each_step, expected.loss_after_last_step_train_mode];
  for (const [index, loss] of losses.entries()) {
    const tolerance = expected.tolerance_each_step[index] ?? null;
    if (tolerance === null) continue;
    near(terms[index]?.['total'] ?? NaN, loss, tolerance * loss, `loss of step ${index + 1}`);
  }
  for (const [index, [ce, kd]] of (expected.ce_and_kd_each_step ?? []).slice(0, 2).entries()) {
    near(terms[index]?.['ce'] ?? NaN, ce, 1e-4 * ce, 'cross-entropy');
    near(terms[index]?.['kd'] ?? NaN, kd, 1e-4 * kd, 'divergence from the teacher');
  }
  for (const [kind, norm] of Object.entries(expected.gradient_l2_by_kind_step1)) {
    near(Math.sqrt(norms.get(kind) ?? NaN), norm, 1e-3 * norm, `${kind} gradient`);
  }
  if (expected.tolerance_each_step.at(-1) !== null) compareState(network, expected, near);
  network.dispose();
}

function compareState(
  network: Network,
  expected: Trajectory,
  near: (actual: number, wanted: number, tolerance: number, what: string) => void,
): void {
  const squares = [...network.trainable.values()].map(
    ({ variable }) => tf.sum(tf.square(variable)).arraySync() as number,
  );
  const l2 = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
  const { l2: wanted } = expected.parameters_after_last_step;
  near(l2, wanted, 1e-3 * wanted, 'norm of the parameters');
  for (const [gate, { l2: norm }] of Object.entries(expected.gates_after_last_step ?? {})) {
    const beta = network.trainable.get(`${gate}/beta`)?.variable as tf.Tensor;
    const actual = Math.sqrt(tf.sum(tf.square(beta)).arraySync() as number);
    near(actual, norm, 1e-3 * norm, `norm of ${gate}`);
  }
}
