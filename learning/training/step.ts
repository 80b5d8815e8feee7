/** What one training step is: its feeds, the forward pass, the loss, the update. */
import type { Knowledge, Step, Views } from '../../distillers/contract.ts';
import type { TrainSpec } from '../../study/spec.ts';
import type { Batch } from '../data/batch.ts';
import { CHANNELS } from '../data/records.ts';
import { tf } from '../engine/backend.ts';
import { withoutGradient } from '../engine/gradients.ts';
import type { Network, Pass } from '../engine/network.ts';
import type { Optimizer } from '../engine/optimizer.ts';
import { seedIn, stream } from '../engine/random.ts';
import { createTrainer, type LossTerms, type Sides, type Trainer } from '../engine/trainer.ts';
import { passOf, type Gated } from '../networks.ts';
import type { Early } from './early.ts';
import { knowledgeOf } from './knowledge.ts';
import type { Objective } from './objective.ts';
import { runPosition, type StepPosition } from './position.ts';
import { scheduleAt } from './schedules.ts';

/** Everything that changes from step to step. */
export type StepFeeds = {
  /** Normalised pixels [B, H, W, 3]. */
  readonly images: tf.Tensor4D;
  /** The same images as their strong views show them, where a loss term reads those. */
  readonly strongImages?: tf.Tensor4D;
  /** Classes, int32 [B]. */
  readonly labels: tf.Tensor1D;
  /** int32 [2]. */
  readonly dropoutSeed: tf.Tensor1D;
  readonly learningRate: tf.Scalar;
  readonly gateLearningRate: tf.Scalar;
  readonly inverseGateTemperature: tf.Scalar;
  /** [B, classes], where the teacher's logits were computed beforehand. */
  readonly teacherLogits?: tf.Tensor2D;
  /** Places of the images in the training split, int32 [B], where a loss term reads them. */
  readonly rows?: tf.Tensor1D;
} & { readonly [ofLossTerms: `distillers/${string}`]: tf.Tensor };

/** What a step computes without gradient, before the student's forward pass. */
type Targets = Pick<Step, 'labels' | 'teacher'> & {
  /** What the teacher makes of the strong views. */
  readonly strongly?: Knowledge;
};

/** What a training step is made of. */
export type StepParts = {
  readonly spec: TrainSpec;
  readonly student: Gated;
  /** A network that runs in every step; absent where there is none, or its logits are fed. */
  readonly teacher?: Network | undefined;
  readonly objective: Objective;
  readonly optimizer: Optimizer;
  /** The loss, where not the objective's own: that of a phase before the training. */
  readonly early?: Early | undefined;
};

/**
 * One step: labels and teacher without gradient, the student's forward pass, the weighted sum of the
 * loss terms, one update of student and helper modules, and then of the memories. It returns `total`,
 * every term without its weight, and `correct`, how many images of the batch are classified rightly.
 */
export function createStep(parts: StepParts): Trainer<StepFeeds> {
  const { spec, student, teacher, objective, optimizer, early } = parts;
  const { classes } = student.network.options;
  const trainsStudent = optimizer.parameters.some(({ name }) =>
    student.network.trainable.has(name),
  );
  return createTrainer<StepFeeds, Targets>({
    engine: spec.engine,
    optimizer,
    targets: (feeds) => ({
      labels: tf.oneHot(feeds.labels, classes, 1, 0, 'float32') as tf.Tensor2D,
      ...teach(feeds, objective, teacher),
    }),
    loss: (feeds, targets) => {
      const mode = trainsStudent ? 'train' : 'evaluate';
      const pass = { ...passOf(student, mode, feeds), ...kept(objective) };
      const { loss } = early ?? objective;
      const splits = optimizer.splits === true;
      return lossOf({ network: student.network, pass, loss, splits }, feeds, targets);
    },
    rates: ({ learningRate, gateLearningRate }) => ({
      weights: learningRate,
      gates: gateLearningRate,
      vam: learningRate,
    }),
    afterUpdate: objective.replaceMemories,
  });
}

/** What the teacher knows: it runs in evaluation mode, and only where a term reads it. */
function teach(
  { images, strongImages, teacherLogits }: StepFeeds,
  objective: Objective,
  teacher: Network | undefined,
): Pick<Targets, 'teacher' | 'strongly'> {
  if (objective.teacher === 'nothing') return {};
  if (teacherLogits !== undefined) return { teacher: { logits: teacherLogits, maps: [] } };
  if (teacher === undefined) return {};
  const pass = { mode: 'evaluate', ...kept(objective) } as const;
  const knows = (of: tf.Tensor4D): Knowledge => knowledgeOf(teacher.forward(of, pass));
  return {
    teacher: knows(images),
    ...(strongImages === undefined ? {} : { strongly: knows(strongImages) }),
  };
}

/** What both networks keep of a pass beside their usual outputs. */
function kept({ readsPreActivations }: Objective): Pick<Pass, 'keepsPreActivations'> {
  return readsPreActivations ? { keepsPreActivations: true } : {};
}

/** A network, how it runs, and what is made of it. */
type Lossy = Pick<Objective, 'loss'> & {
  readonly network: Network;
  readonly pass: Pass;
  /** Whether the optimiser wants what a teacher adds apart. */
  readonly splits: boolean;
};

function lossOf(
  { network, pass, loss, splits }: Lossy,
  feeds: StepFeeds,
  targets: Targets,
): LossTerms {
  const { images, strongImages, dropoutSeed, rows } = feeds;
  const { strongly, ...known } = targets;
  const forward = network.forward(images, { ...pass, dropoutSeed });
  const views = (of: tf.Tensor4D): Views => ({
    student: knowledgeOf(network.forward(of, { ...pass, dropoutSeed: tf.reverse(dropoutSeed) })),
    ...(strongly === undefined ? {} : { teacher: strongly }),
  });
  const { total, terms, sides } = loss({
    ...known,
    student: knowledgeOf(forward),
    ...(strongImages === undefined ? {} : { strong: views(strongImages) }),
    ...(rows === undefined ? {} : { rows }),
    fed: feeds,
  });
  const correct = withoutGradient(() => {
    const hits = tf.equal(tf.argMax(forward.logits, 1), tf.argMax(targets.labels, 1));
    return tf.sum(tf.cast(hits, 'float32'));
  });
  return { ...terms, total, correct, ...(splits ? apart(sides) : {}) };
}

/** What the task and a teacher add to a loss, where both add something. */
function apart(sides: ReturnType<Objective['loss']>['sides']): Sides | Record<never, never> {
  const { task = [], taught = [] } = sides ?? {};
  if (task.length === 0 || taught.length === 0) return {};
  return { task: tf.addN<tf.Scalar>([...task]), taught: tf.addN<tf.Scalar>([...taught]) };
}

/** What a batch brings to a step, beside its images. */
export type StepInput = {
  readonly batch: Batch;
  readonly at: StepPosition;
  /** Logits of a cached teacher, row by row. */
  readonly teacherLogits?: Float32Array | undefined;
  /** Place of an image in the training split. */
  readonly rowOf: (image: number) => number;
};

/** The feeds of one step. Every draw depends on seed, epoch and step alone. The caller disposes them. */
export function stepFeeds(
  { spec, student, objective }: Pick<StepParts, 'spec' | 'student' | 'objective'>,
  { batch, at, teacherLogits, rowOf }: StepInput,
): StepFeeds {
  const { count, images, strong, labels, positions } = batch;
  const { classes, imageSize } = student.network.options;
  const settings = scheduleAt(spec.train, at, objective.before);
  const seed = stream(
    seedIn(spec.seeds.data, spec.streams),
    `dropout/${at.epoch}/${at.step}`,
  ).words(2);
  const shape: [number, number, number, number] = [count, imageSize, imageSize, CHANNELS];
  return {
    images: tf.tensor4d(images, shape),
    ...(strong === undefined ? {} : { strongImages: tf.tensor4d(strong, shape) }),
    labels: tf.tensor1d(labels, 'int32'),
    dropoutSeed: tf.tensor1d(new Int32Array(seed), 'int32'),
    learningRate: tf.scalar(settings.learningRate),
    gateLearningRate: tf.scalar(settings.gateLearningRate),
    inverseGateTemperature: tf.scalar(settings.inverseGateTemperature),
    ...(teacherLogits === undefined
      ? {}
      : { teacherLogits: tf.tensor2d(teacherLogits, [count, classes]) }),
    ...(objective.readsRows
      ? { rows: tf.tensor1d(Int32Array.from(positions, rowOf), 'int32') }
      : {}),
    ...objective.feedsAt(runPosition(spec.train, at, objective.before?.publishedEpochs)),
  };
}

/** Runs one step on a batch, and reads its outputs. */
export function runStep(
  trainer: Trainer<StepFeeds>,
  feeds: StepFeeds,
): Readonly<Record<string, number>> {
  const outputs = trainer.step(feeds);
  const values = Object.entries(outputs).map(([name, tensor]) => {
    return [name, tensor.dataSync<'float32'>()[0] as number] as const;
  });
  tf.dispose([outputs, feeds]);
  return Object.fromEntries(values);
}
