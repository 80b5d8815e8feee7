/** A training step as a study runs it, on made-up images. */
import { crossEntropy } from '../distillers/ce.ts';
import { distillation } from '../distillers/kd.ts';
import { adam } from '../learning/engine/adam.ts';
import { tf } from '../learning/engine/backend.ts';
import { seededInitialiser } from '../learning/engine/initialise.ts';
import type { Network, Pass } from '../learning/engine/network.ts';
import type { Optimizer } from '../learning/engine/optimizer.ts';
import { stream } from '../learning/engine/random.ts';
import { sgd } from '../learning/engine/sgd.ts';
import type { Engine, Feeds, LossTerms } from '../learning/engine/trainer.ts';
import { createTrainer } from '../learning/engine/trainer.ts';
import { buildNetwork } from '../learning/models/build.ts';
import type { Subject } from './subjects.ts';

const CLASSES = 10;
const IMAGE_SIZE = 32;
const SEED = 1029;
/** Rows and columns; the same in `torch/worker.py`. */
const MATRIX = 2048;

/** What a worker says of the work it does. */
export type Facts = {
  /** Trainable scalars of the student. */
  readonly parameters: number;
  /** Floating-point operations of one step: a multiply-add is two, backward is twice forward. */
  readonly flop: number;
  /** Of the library that computes. */
  readonly version: string;
};

/** A piece of work that is done again and again: one training step, one product. */
export type Work = Facts & { step(): number };

/** A training step, on the same tensors every time or on new ones, as from a data set. */
export type Training = Work & { stepOnNewFeeds(): number };

function network(model: string, width?: number): Network {
  const options = { model, classes: CLASSES, imageSize: IMAGE_SIZE };
  const initialise = seededInitialiser((name) => stream(SEED, name));
  return buildNetwork({ ...options, ...(width === undefined ? {} : { width }) }, initialise);
}

/** Stage 1 of the explainer trains with Adam, all else with SGD. */
function optimizerOf({ options, trainable }: Network): Optimizer {
  const parameters = [...trainable.values()];
  return options.model.startsWith('hme')
    ? adam({ parameters, weightDecay: 5e-4 })
    : sgd({ parameters, weightDecay: 5e-4, momentum: 0.9 });
}

const TEMPERATURE = 4;

function lossOf(student: Network, teacher?: Network): (feeds: Feeds) => LossTerms {
  return (feeds) => {
    const images = feeds['images'] as tf.Tensor4D;
    const labels = feeds['labels'] as tf.Tensor2D;
    const pass: Pass = {
      mode: 'train',
      dropoutSeed: feeds['seed'] as tf.Tensor1D,
      inverseGateTemperature: feeds['gate'] as tf.Scalar,
    };
    const taught = teacher?.forward(images, { mode: 'evaluate' });
    const { logits } = student.forward(images, pass);
    const hard = crossEntropy(tf, labels, logits);
    if (taught === undefined) return { total: hard };
    const soft = distillation(tf, logits, taught.logits, TEMPERATURE);
    return { total: tf.add(tf.mul(hard, 0.1), tf.mul(soft, 0.9)) };
  };
}

/** Draws a batch, and gives what puts it on the device: its values cost nothing in a step. */
function createFeeds(batch: number): () => Feeds {
  const values = stream(SEED, 'bench');
  const pixels = values.normal(batch * IMAGE_SIZE ** 2 * 3);
  const labels = new Int32Array(values.integers(batch, CLASSES));
  return () => ({
    images: tf.tensor4d(pixels, [batch, IMAGE_SIZE, IMAGE_SIZE, 3]),
    labels: tf.tidy(() => tf.oneHot(tf.tensor1d(labels, 'int32'), CLASSES).toFloat()),
    rate: tf.scalar(0.01),
    seed: tf.tensor1d([1, 2], 'int32'),
    gate: tf.scalar(1),
  });
}

function libraryVersion(): string {
  const { binding } = tf.backend() as unknown as { binding: { TF_Version: string } };
  return binding.TF_Version;
}

/** A subject's training step. @throws KdxError SpecInvalid where a model is unknown */
export function createTraining(subject: Subject, engine: Engine, batch: number): Training {
  const student = network(subject.model, subject.width);
  const teacher = subject.teacher === undefined ? undefined : network(subject.teacher);
  const trainer = createTrainer({
    engine,
    optimizer: optimizerOf(student),
    loss: lossOf(student, teacher),
    rates: (feeds) => {
      const rate = feeds['rate'] as tf.Scalar;
      return { weights: rate, gates: rate, vam: rate };
    },
  });
  const step = (feeds: Feeds): number => {
    const outputs = trainer.step(feeds);
    const [loss = Number.NaN] = (outputs['total'] as tf.Scalar).dataSync<'float32'>();
    tf.dispose(outputs);
    return loss;
  };
  const newFeeds = createFeeds(batch);
  const feeds = newFeeds();
  return {
    parameters: student.parameterCount,
    flop: 2 * batch * (3 * student.multiplyAdds + (teacher?.multiplyAdds ?? 0)),
    version: libraryVersion(),
    step: () => step(feeds),
    stepOnNewFeeds: () => {
      const fresh = newFeeds();
      const loss = step(fresh);
      tf.dispose(fresh);
      return loss;
    },
  };
}

/** Tensors that tfjs holds now. */
export function tensorCount(): number {
  return tf.memory().numTensors;
}

/** A product of two matrices: the best that the machine does with float32. */
export function createProduct(): Work {
  const values = stream(SEED, 'product').normal(MATRIX ** 2);
  const matrix = tf.tensor2d(values, [MATRIX, MATRIX]);
  return {
    ...{ parameters: 0, flop: 2 * MATRIX ** 3, version: libraryVersion() },
    step: () => {
      const first = tf.tidy(() => tf.slice(tf.matMul(matrix, matrix), [0, 0], [1, 1]));
      const [value = Number.NaN] = first.dataSync<'float32'>();
      first.dispose();
      return value;
    },
  };
}
