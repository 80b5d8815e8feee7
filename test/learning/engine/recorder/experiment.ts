/** A small training, or the gradients of its loss, with any model, method and engine. */
import { createDistiller } from '../../../../learning/distillers/registry.ts';
import { adam } from '../../../../learning/engine/adam.ts';
import { tf } from '../../../../learning/engine/backend.ts';
import type { Network, Pass } from '../../../../learning/engine/network.ts';
import type { Optimizer } from '../../../../learning/engine/optimizer.ts';
import { sgd } from '../../../../learning/engine/sgd.ts';
import type { Engine, Feeds, LossTerms } from '../../../../learning/engine/trainer.ts';
import { createProgram, createTrainer } from '../../../../learning/engine/trainer.ts';
import { stream } from '../../../../learning/engine/random.ts';
import { randomNetwork } from '../../networks.ts';

export type Method = 'ce' | 'ls' | 'kd' | 'at' | 'sp';

export type ExperimentOptions = {
  readonly model: string;
  readonly method: Method;
  readonly engine: Engine;
  readonly imageSize?: number;
  readonly batch?: number;
  readonly optimizer?: 'sgd' | 'adam';
  readonly rate?: number;
};

export type Experiment = {
  readonly network: Network;
  readonly optimizer: Optimizer;
  /** Values of a batch, a function of its number alone; `images` are scaled. */
  feeds(number: number, images?: number, scale?: number): Feeds;
  /** One step; gives the loss. */
  step(feeds: Feeds): number;
  /** The loss and the gradient of every parameter. */
  gradients(feeds: Feeds): Map<string, Float32Array>;
  dispose(): void;
};

const CLASSES = 10;

/** Weights of the terms, as the published settings have them. */
const WEIGHTS: Readonly<Record<Method, number>> = {
  ...{ ce: 1, ls: 1, kd: 0.9, at: 1000, sp: 3000 },
};

export function isExplainer(model: string): boolean {
  return model.startsWith('hme');
}

function lossFunction(
  method: Method,
  student: Network,
  teacher: Network,
): (feeds: Feeds) => LossTerms {
  const ce = createDistiller({ name: 'ce', weight: 1 });
  const other = createDistiller({ name: method, weight: 1 });
  return (feeds) => {
    const images = feeds['images'] as tf.Tensor4D;
    const pass: Pass = {
      mode: 'train',
      dropoutSeed: feeds['seed'] as tf.Tensor1D,
      ...(isExplainer(student.options.model)
        ? { inverseGateTemperature: feeds['gate'] as tf.Scalar }
        : {}),
    };
    const labels = feeds['labels'] as tf.Tensor2D;
    const isTaught = method !== 'ce' && method !== 'ls';
    const known = !isTaught ? {} : { teacher: teacher.forward(images, { mode: 'evaluate' }) };
    const context = { labels, student: student.forward(images, pass), ...known };
    const hard = ce.loss(context);
    if (method === 'ce') return { total: hard };
    const soft = other.loss(context);
    return { total: tf.add(hard, tf.mul(soft, WEIGHTS[method])), soft };
  };
}

export function createExperiment(options: ExperimentOptions): Experiment {
  const { model, method, engine, imageSize = 16, batch = 8, rate = 0.05 } = options;
  const width = isExplainer(model) ? { width: 32 } : {};
  const network = randomNetwork({ model, imageSize, ...width });
  const teacher = randomNetwork({ model: 'resnet14', imageSize }, 7);
  const parameters = [...network.trainable.values()];
  const optimizer =
    options.optimizer === 'adam'
      ? adam({ parameters, weightDecay: 1e-4 })
      : sgd({ parameters, weightDecay: 5e-4, momentum: 0.9 });
  const loss = lossFunction(method, network, teacher);
  const trainer = createTrainer({
    engine,
    optimizer,
    loss,
    rates: (feeds) => {
      const fed = feeds['rate'] as tf.Scalar;
      return { weights: fed, gates: fed, vam: fed };
    },
  });
  const variables = parameters.map(({ variable }) => variable);
  const gradient = createProgram(engine, (feeds) => {
    const { value, grads } = tf.variableGrads(() => loss(feeds).total, variables);
    const named = parameters.map(({ name, variable }) => [name, grads[variable.name]] as const);
    return { ...Object.fromEntries(named.filter(([, tensor]) => tensor !== undefined)), value };
  });

  return {
    network,
    optimizer,
    feeds: (number, images = batch, scale = 1) => {
      const values = stream(number, 'batch');
      const pixels = values.normal(images * imageSize ** 2 * 3).map((value) => value * scale);
      const labels = new Int32Array(values.integers(images, CLASSES));
      return {
        images: tf.tensor4d(pixels, [images, imageSize, imageSize, 3]),
        labels: tf.tidy(() => tf.oneHot(tf.tensor1d(labels, 'int32'), CLASSES).toFloat()),
        rate: tf.scalar(rate),
        seed: tf.tensor1d([number, 1], 'int32'),
        gate: tf.scalar(1 + number / 10),
      };
    },
    step: (feeds) => {
      const outputs = trainer.step(feeds);
      const [total] = (outputs['total'] as tf.Scalar).dataSync();
      tf.dispose(outputs);
      return total as number;
    },
    gradients: (feeds) => {
      const outputs = gradient.run(feeds);
      const values = Object.entries(outputs).map(
        ([name, tensor]) => [name, tensor.dataSync<'float32'>()] as const,
      );
      tf.dispose(outputs);
      return new Map(values);
    },
    dispose: () => {
      trainer.dispose();
      gradient.dispose();
      optimizer.dispose();
      network.dispose();
      teacher.dispose();
    },
  };
}
