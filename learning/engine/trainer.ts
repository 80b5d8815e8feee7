import { KdxError } from '../../leg/errors.ts';
import { tf } from './backend.ts';
import type { LearningRates, Optimizer } from './optimizer.ts';
import { recordedProgram } from './recorder/program.ts';

/**
 * How steps run: `eager` calls every operation from JavaScript; `recorded` does so once, and from
 * then on runs the step as one TensorFlow graph. So all that changes from step to step is a fed
 * tensor, no value is read back on the host inside it, and no random number is drawn on the host.
 */
export type Engine = 'eager' | 'recorded';

/** Tensors that enter a step by name: images, labels, rates, temperatures, weights, seeds. */
export type Feeds = Readonly<Record<string, tf.Tensor>>;

/** Tensors that leave a step by name. The caller disposes them. */
export type Outputs = Readonly<Record<string, tf.Tensor>>;

/** The loss to minimise, with whatever else of the step is worth looking at. */
export type LossTerms = Readonly<Record<string, tf.Tensor>> & { readonly total: tf.Scalar };

/** A step without training: evaluation, a teacher's logits. */
export type Program = {
  readonly run: (feeds: Feeds) => Outputs;
  readonly dispose: () => void;
};

export type TrainerOptions = {
  readonly engine: Engine;
  readonly optimizer: Optimizer;
  /** Which fed scalar is the learning rate of which group. */
  readonly rates: (feeds: Feeds) => LearningRates;
  /** Tensors of the step that carry no gradient, such as the teacher's forward pass. */
  readonly targets?: (feeds: Feeds) => Feeds;
  /** Runs the student's forward pass and gives `total` and the terms to report. */
  readonly loss: (feeds: Feeds, targets: Feeds) => LossTerms;
};

/** One training step after another over the optimiser's parameters. */
export type Trainer = {
  /** Forward, gradients, update. Gives all of `loss`'s terms; the caller disposes them. */
  readonly step: (feeds: Feeds) => Outputs;
  readonly dispose: () => void;
};

/**
 * Makes a step runnable by the engine chosen. `step` has to keep what it gives: the engine disposes
 * every other tensor of the step.
 */
function compile(engine: Engine, title: string, step: (feeds: Feeds) => Outputs): Program {
  switch (engine) {
    case 'eager':
      return { run: (feeds) => tf.tidy(() => step(feeds)), dispose: () => undefined };
    case 'recorded':
      return recordedProgram(title, step);
    default:
      throw new KdxError('SpecInvalid', `engine is ${String(engine)}; allowed: eager, recorded.`);
  }
}

/** Lets outputs survive the scopes around them; clones, since a feed may be among them. */
function keep(outputs: Outputs): Outputs {
  const entries = Object.entries(outputs);
  return Object.fromEntries(entries.map(([name, tensor]) => [name, tf.keep(tf.clone(tensor))]));
}

/**
 * Makes a step without training runnable by the engine chosen.
 *
 * @param title what error messages call it
 */
export function createProgram(
  engine: Engine,
  step: (feeds: Feeds) => Outputs,
  title = 'The program',
): Program {
  return compile(engine, title, (feeds) => keep(step(feeds)));
}

/**
 * Makes a trainer from a loss and an optimiser. One step is: targets without gradient, the loss with
 * gradients of the optimiser's parameters, one update.
 */
export function createTrainer(options: TrainerOptions): Trainer {
  const { engine, optimizer, rates, targets, loss } = options;
  const variables = optimizer.parameters.map(({ variable }) => variable);

  const program = compile(engine, 'The training step', (feeds) => {
    const known = targets?.(feeds) ?? {};
    let outputs: Outputs = {};
    const { grads } = tf.variableGrads(() => {
      const terms = loss(feeds, known);
      // Kept here: the scope of the forward pass ends before that of the step.
      outputs = keep(terms);
      return terms.total;
    }, variables);
    const gradients = new Map<string, tf.Tensor>();
    for (const { name, variable } of optimizer.parameters) {
      const gradient = grads[variable.name];
      if (gradient !== undefined) gradients.set(name, gradient);
    }
    optimizer.apply(gradients, rates(feeds));
    return outputs;
  });
  return { step: program.run, dispose: program.dispose };
}
