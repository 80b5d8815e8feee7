/**
 * Short training runs of the golden fixture `train.json`: float64 trajectories of the reference code
 * from formula weights. The first two steps are the strict test; later ones drift at the kinks of
 * ReLU and maximum.
 */
import { tf } from '../../learning/engine/backend.ts';
import type { Network, Parameter } from '../../learning/engine/network.ts';
import type { Optimizer } from '../../learning/engine/optimizer.ts';
import { routeOf } from '../../learning/models/explainer/route.ts';
import type { Gated } from '../../learning/networks.ts';
import { createObjective, groundOf } from '../../learning/training/objective.ts';
import type { StepPosition } from '../../learning/training/position.ts';
import { createOptimizer, trainedParameters } from '../../learning/training/session.ts';
import { createStep, runStep, stepFeeds, type StepFeeds } from '../../learning/training/step.ts';
import { digestJson } from '../../study/canonical.ts';
import type { DistillerSpec } from '../../study/distillers.ts';
import type { TrainSpec } from '../../study/spec.ts';
import type { Train } from '../../study/train-schema.ts';
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

/** What of a training the rates and the temperature of the gates follow from. */
type Schedule = {
  readonly name: Train['schedule'];
  readonly rate: number;
  readonly gateRate: number;
  /** Where in a run of one step an epoch a step from 1 stands. */
  readonly epochOf: (step: number) => number;
};

export type Setting = {
  readonly model: TrainSpec['model']['name'];
  readonly label: 'ce' | 'ls' | 'kd';
  readonly optimizer: 'sgd' | 'adam';
  readonly schedule: Schedule;
  readonly hard?: boolean;
};

/** The gates' inverse temperature is that of the fixed epoch: ê/5. */
const constantSchedule = (rate: string, gateRate: string, epoch: number): Schedule => {
  return { name: 'constant', rate: value(rate), gateRate: value(gateRate), epochOf: () => epoch };
};
export const constant = (rate: string): Schedule => constantSchedule(rate, rate, 5);
export const stageOneConstant = constantSchedule('s1c_global', 's1c_branch', value('s1c_epoch'));
/** The published schedule, a step taken as an epoch. */
export const stageOne = (base: string): Schedule => {
  const rates = { rate: value(base), gateRate: value('s1_branch') };
  return { name: 'explainer-soft', ...rates, epochOf: (step) => step };
};

const TERMS: Readonly<Record<Setting['label'], readonly DistillerSpec[]>> = {
  ce: [{ name: 'ce', weight: 1 }],
  ls: [{ name: 'ls', weight: 1, smoothing: value('ls_eps') }],
  kd: [
    { name: 'ce', weight: value('w_ce') },
    { name: 'kd', weight: value('w_kd'), temperature: value('T') },
  ],
};

/** The training that a case is: everything of it that the step reads. */
function specOf({ model, label, optimizer, schedule, hard }: Setting): TrainSpec {
  const { name, rate, gateRate } = schedule;
  const weightDecay = value('wd');
  const none = digestJson('none');
  return {
    ...{ kind: 'train', code: none, engine: 'eager', model: { name: model } },
    ...(hard === true ? { gates: 'hard' as const } : {}),
    device: { kind: 'cpu', threads: 1, precision: 'float32' },
    dataset: {
      ...{ name: 'digits', digest: none, preset: 'correct' },
      split: { train: value('B'), validation: 0, test: 1 },
    },
    distillers: TERMS[label],
    ...(label === 'kd'
      ? { teacher: { model: { name: 'resnet8' }, weights: none, logits: none } }
      : {}),
    train: {
      ...{ epochs: 300, batch: value('B'), schedule: name, scale: false, publishedEpochs: 300 },
      ...{ milestones: [], factor: 1, warmUpEpochs: 0, augment: { pad: 0, flip: false } },
      optimizer:
        optimizer === 'adam'
          ? { name: optimizer, learningRate: rate, gateLearningRate: gateRate, weightDecay }
          : {
              ...{ name: optimizer, learningRate: rate, weightDecay, nesterov: false },
              momentum: value('momentum'),
            },
    },
    seeds: { init: 1, data: 1 },
  };
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
  /** Terms of each step; the last entry is those of one step more, so of the trained network. */
  readonly terms: readonly Readonly<Record<string, number>>[];
  readonly norms: ReadonlyMap<string, number>;
  /** Norm of all parameters and of single ones, behind the last step of the fixture. */
  readonly normOf: (name?: string) => number;
};

function studentOf({ model, hard }: Setting): Gated {
  const network = formulaNetwork(golden.constants, { model });
  if (hard === true) return { network, gates: 'hard', route: routeOf(network) };
  return model === 'hme_ltb' ? { network, gates: 'soft' } : { network };
}

/** Every case has one batch, which no augmentation moves; the reference ran it without dropout. */
function feedsOf(
  parts: Pick<Parameters<typeof createStep>[0], 'spec' | 'student' | 'objective'>,
  at: StepPosition,
): StepFeeds {
  const images = formulaImages(golden.constants, { batch: value('B'), textured: true });
  const pixels = images.dataSync<'float32'>();
  images.dispose();
  const batch = {
    ...{ count: value('B'), images: pixels, labels: Int32Array.from(config.labels) },
    positions: Uint32Array.from(config.labels.keys()),
  };
  const { teacher } = parts.spec;
  const teacherLogits =
    teacher === undefined ? undefined : Float32Array.from(golden.teacher_logits.flat());
  const { dropoutSeed, ...feeds } = stepFeeds(parts, {
    ...{ batch, at, teacherLogits, rowOf: (image: number) => image },
  });
  dropoutSeed.dispose();
  return feeds as StepFeeds;
}

function run(setting: Setting): Run {
  const spec = specOf(setting);
  const student = studentOf(setting);
  const objective = createObjective(spec, groundOf(spec, Int32Array.from(config.labels)));
  const norms = new Map<string, number>();
  const optimizer = watched(createOptimizer(spec, trainedParameters(student)), norms);
  const parts = { spec, student, objective, optimizer };
  const trainer = createStep(parts);
  const terms: Record<string, number>[] = [];
  const follow = (step: number): void => {
    const at = { epoch: setting.schedule.epochOf(step), step: 0, stepsPerEpoch: 1 };
    terms.push(runStep(trainer, feedsOf(parts, at)));
  };
  const steps = value('steps');
  for (let step = 1; step <= steps; step += 1) follow(step);
  const normOf = squaresOf(student.network);
  follow(steps);
  student.network.dispose();
  return { terms, norms, normOf };
}

/** Norms of the parameters as they are now. */
function squaresOf({ trainable }: Network): Run['normOf'] {
  const squares = new Map(
    [...trainable.values()].map(({ name, variable }) => [
      name,
      tf.tidy(() => tf.sum(tf.square(variable)).arraySync() as number),
    ]),
  );
  return (name) => {
    const of = name === undefined ? [...squares.values()] : [squares.get(name) ?? NaN];
    return Math.sqrt(of.reduce((sum, square) => sum + square, 0));
  };
}

/** What a test says of a run: whether each figure is within its tolerance. */
export type Check = (isWithin: boolean, message: string) => void;

/** Runs one case of the fixture and checks losses, gradients, parameters and gates. */
export function followTrajectory(name: string, setting: Setting, check: Check): void {
  const expected = golden.cases[name] as Trajectory;
  const { terms, norms, normOf } = run(setting);
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
  if (expected.tolerance_each_step.at(-1) === null) return;
  const { l2 } = expected.parameters_after_last_step;
  near(normOf(), l2, 1e-3 * l2, 'norm of the parameters');
  for (const [gate, { l2: norm }] of Object.entries(expected.gates_after_last_step ?? {})) {
    near(normOf(`${gate}/beta`), norm, 1e-3 * norm, `norm of ${gate}`);
  }
}
