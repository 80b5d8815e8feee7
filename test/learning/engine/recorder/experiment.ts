/** A small training, or the gradients of its loss, with any model, method and engine. */
import type { Views } from '../../../../distillers/contract.ts';
import { teacherUse } from '../../../../distillers/lookup.ts';
import { adam } from '../../../../learning/engine/adam.ts';
import { tf } from '../../../../learning/engine/backend.ts';
import type { Network, Pass } from '../../../../learning/engine/network.ts';
import type { Optimizer } from '../../../../learning/engine/optimizer.ts';
import { sgd } from '../../../../learning/engine/sgd.ts';
import type { Engine, Feeds, LossTerms } from '../../../../learning/engine/trainer.ts';
import { createProgram, createTrainer } from '../../../../learning/engine/trainer.ts';
import { stream } from '../../../../learning/engine/random.ts';
import { answering } from '../../../../learning/training/answering.ts';
import { knowledgeOf } from '../../../../learning/training/knowledge.ts';
import { createObjective, type Objective } from '../../../../learning/training/objective.ts';
import { distillerSchema } from '../../../../study/distillers.ts';
import { featureShapes, type ModelName } from '../../../../study/models/models.ts';
import { randomNetwork } from '../../networks.ts';

/** A name of the registry. */
export type Method = string;

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

/** Images of the training split, of which each batch is a part. */
const ROWS = 64;

/** Options that are smaller than the published ones. */
const OPTIONS: Readonly<Record<string, object>> = {
  crd: { dimensions: 16, negatives: 24 },
  cc: { dimensions: 16 },
};

export function isExplainer(model: string): boolean {
  return model.startsWith('hme');
}

/** Cross-entropy, and the method with its published weight. */
function objectiveOf(
  method: Method,
  { model, imageSize, taught }: { model: string; imageSize: number; taught: Network },
): Objective {
  const hard = { name: 'ce', weight: 1 };
  const soft = distillerSchema.parse({ name: method, ...OPTIONS[method] });
  const isTaught = teacherUse([method]) !== 'nothing';
  const teacher = { teacher: { model: { name: 'resnet14' as const }, weights: 'here' } };
  const pair = {
    student: featureShapes(model as ModelName, imageSize),
    teacher: featureShapes('resnet14', imageSize),
    ...{ classes: CLASSES, images: ROWS },
  };
  const classOfRow = Int32Array.from({ length: ROWS }, (_, row) => row % CLASSES);
  return createObjective(
    { distillers: method === 'ce' ? [hard] : [hard, soft], ...(isTaught ? teacher : {}) },
    {
      ...{ pair, classOfRow, seeds: { init: 5, data: 6 } },
      teacherTensor: (name) =>
        taught.trainable.get(name)?.variable.dataSync<'float32'>() ?? new Float32Array(),
    },
  );
}

function lossFunction(
  objective: Objective,
  student: Network,
  teacher: Network,
): (feeds: Feeds) => LossTerms {
  return (feeds) => {
    const images = feeds['images'] as tf.Tensor4D;
    const kept = objective.readsPreActivations ? { keepsPreActivations: true } : {};
    const pass: Pass = {
      mode: 'train',
      ...kept,
      dropoutSeed: feeds['seed'] as tf.Tensor1D,
      ...(isExplainer(student.options.model)
        ? { inverseGateTemperature: feeds['gate'] as tf.Scalar }
        : {}),
    };
    const views = (of: tf.Tensor4D): Views => ({
      student: knowledgeOf(student.forward(of, pass)),
      ...(objective.teacher === 'nothing'
        ? {}
        : { teacher: knowledgeOf(teacher.forward(of, { mode: 'evaluate', ...kept })) }),
    });
    const { total, terms } = objective.loss({
      labels: feeds['labels'] as tf.Tensor2D,
      ...views(images),
      ...(objective.readsStrongView ? { strong: views(tf.reverse(images, 0)) } : {}),
      rows: feeds['rows'] as tf.Tensor1D,
      fed: feeds,
    });
    return { ...terms, total };
  };
}

export function createExperiment(options: ExperimentOptions): Experiment {
  const { model, method, engine, imageSize = 16, batch = 4, rate = 0.05 } = options;
  const width = model === 'hme_ltb' ? { width: 32 } : {};
  const body = randomNetwork({ model, imageSize, ...width });
  const teacher = randomNetwork({ model: 'resnet14', imageSize }, 7);
  const objective = objectiveOf(method, { model, imageSize, taught: teacher });
  const network = objective.head === undefined ? body : answering(body, objective.head);
  const parameters = [...network.trainable.values(), ...objective.trained];
  const optimizer =
    options.optimizer === 'adam'
      ? adam({ parameters, weightDecay: 1e-4 })
      : sgd({ parameters, weightDecay: 5e-4, momentum: 0.9 });
  const loss = lossFunction(objective, network, teacher);
  const trainer = createTrainer({
    engine,
    optimizer,
    loss,
    afterUpdate: objective.replaceMemories,
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
      const at = { epoch: 1, step: number, stepsPerEpoch: 1000, epochs: 1 };
      const rows = new Int32Array(values.permutation(ROWS).subarray(0, images));
      return {
        ...objective.feedsAt({ ...at, publishedEpoch: 1, progress: 0 }),
        rows: tf.tensor1d(rows, 'int32'),
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
      objective.dispose();
      network.dispose();
      teacher.dispose();
    },
  };
}
