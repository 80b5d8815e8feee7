import { KdxError } from '../../leg/errors.ts';
import { tf } from './backend.ts';
import { gradientsWithin } from './gradients.ts';
import type { Parameter } from './network.ts';
import type { Gradients, LearningRates, Optimizer } from './optimizer.ts';
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

/**
 * The loss to minimise, with whatever else of the step is worth looking at. `task` and `taught` are the
 * parts of `total` that an optimiser is given apart: one that splits, and where there are both.
 */
export type LossTerms = Readonly<Record<string, tf.Tensor>> & {
  readonly total: tf.Scalar;
} & ({ readonly task?: never; readonly taught?: never } | Sides);

/** A loss without its teacher, and what the teacher adds. */
export type Sides = { readonly task: tf.Scalar; readonly taught: tf.Scalar };

/** A step without training: evaluation, a teacher's logits. */
export type Program<Fed extends Feeds = Feeds> = {
  readonly run: (feeds: Fed) => Outputs;
  readonly dispose: () => void;
};

/**
 * The parts of a training step: what is fed (`Fed`), what is computed from it without gradient
 * (`Known`), the loss, the update.
 */
export type TrainerOptions<Fed extends Feeds, Known> = {
  readonly engine: Engine;
  readonly optimizer: Optimizer;
  /** Which fed scalar is the learning rate of which group. */
  readonly rates: (feeds: Fed) => LearningRates;
  /** Tensors of the step that carry no gradient, such as the teacher's forward pass. */
  readonly targets?: (feeds: Fed) => Known;
  /** Runs the student's forward pass and returns `total` and the terms to report. */
  readonly loss: (feeds: Fed, targets: Known) => LossTerms;
  /** What happens behind the update of the parameters. */
  readonly afterUpdate?: () => void;
};

/** One training step after another over the optimiser's parameters. */
export type Trainer<Fed extends Feeds> = {
  /** Forward, gradients, update. Gives all of `loss`'s terms; the caller disposes them. */
  readonly step: (feeds: Fed) => Outputs;
  readonly dispose: () => void;
};

/**
 * Makes a step runnable by the engine chosen. `step` has to keep its outputs: the engine disposes
 * every other tensor of the step.
 */
function compile<Fed extends Feeds>(
  engine: Engine,
  title: string,
  step: (feeds: Fed) => Outputs,
): Program<Fed> {
  switch (engine) {
    case 'eager':
      return { run: (feeds) => tf.tidy(() => step(feeds)), dispose: () => undefined };
    case 'recorded':
      // The recorder knows feeds by name alone, and hands on those that it is given.
      return recordedProgram(title, (feeds) => step(feeds as Fed));
    default:
      throw new KdxError('SpecInvalid', `engine is ${String(engine)}; allowed: eager, recorded.`);
  }
}

/** Lets a tensor survive the scopes around it; a clone, since a feed may be one. */
function kept(tensor: tf.Tensor): tf.Tensor {
  return tf.keep(tf.clone(tensor));
}

function keep(outputs: Outputs): Outputs {
  const entries = Object.entries(outputs);
  return Object.fromEntries(entries.map(([name, tensor]) => [name, kept(tensor)]));
}

function byName(
  parameters: readonly Parameter[],
  gradientOf: (parameter: Parameter, index: number) => tf.Tensor | undefined,
): Gradients {
  const found = new Map<string, tf.Tensor>();
  for (const [index, parameter] of parameters.entries()) {
    const gradient = gradientOf(parameter, index);
    if (gradient !== undefined) found.set(parameter.name, gradient);
  }
  return found;
}

/**
 * Makes a step without training runnable by the engine chosen.
 *
 * @param title what error messages call it
 */
export function createProgram<Fed extends Feeds>(
  engine: Engine,
  step: (feeds: Fed) => Outputs,
  title = 'The program',
): Program<Fed> {
  return compile(engine, title, (feeds) => keep(step(feeds)));
}

/**
 * Makes a trainer from a loss and an optimiser. One step is: targets without gradient, the loss with
 * gradients of the optimiser's parameters, one update. Two gradients are of one forward pass.
 */
export function createTrainer<Fed extends Feeds, Known>(
  options: TrainerOptions<Fed, Known>,
): Trainer<Fed> {
  const { engine, optimizer, rates, targets, loss, afterUpdate } = options;
  const variables = optimizer.parameters.map(({ variable }) => variable);

  const step = (feeds: Fed): Outputs => {
    const known = targets?.(feeds) as Known;
    let outputs: Outputs = {};
    let ofTeacher: Gradients | undefined;
    const { grads } = tf.variableGrads(() => {
      const { task, taught, ...terms } = loss(feeds, known);
      // Kept here: the scope of the forward pass ends before that of the step.
      outputs = keep(terms);
      if (task === undefined) return terms.total;
      const apart = gradientsWithin(taught, variables).map(
        (gradient) => gradient && kept(gradient),
      );
      ofTeacher = byName(optimizer.parameters, (_, index) => apart[index]);
      return task;
    }, variables);
    const gradients = byName(optimizer.parameters, ({ variable }) => grads[variable.name]);
    optimizer.apply(gradients, rates(feeds), ofTeacher);
    ofTeacher?.forEach((gradient) => gradient.dispose());
    afterUpdate?.();
    return outputs;
  };
  const program = compile(engine, 'The training step', step);
  return { step: program.run, dispose: program.dispose };
}
