import { KdxError } from '../../leg/errors.ts';
import { tf } from './backend.ts';
import type { Parameter, ParameterGroup } from './network.ts';

/** Learning rate of every parameter group, as fed scalars. */
export type LearningRates = Readonly<Record<ParameterGroup, tf.Scalar>>;

/** An update rule with its state. Rates are tensors, so that a schedule never freezes in a graph. */
export type Optimizer = {
  readonly parameters: readonly Parameter[];
  /** Momenta, moments and step counts by name: a checkpoint saves and restores all of them. */
  readonly slots: ReadonlyMap<string, tf.Variable>;
  /** One update in place; `gradients` by parameter name, one for each of `parameters`. */
  apply(gradients: ReadonlyMap<string, tf.Tensor>, rates: LearningRates): void;
  dispose(): void;
};

/** One tensor of optimiser state per parameter, zero at the start. */
export type Slots = {
  readonly byName: ReadonlyMap<string, tf.Variable>;
  of(parameter: Parameter): tf.Variable;
  dispose(): void;
};

/** Creates the slots `<kind>/<parameter>`. */
export function createSlots(parameters: readonly Parameter[], kind: string): Slots {
  const byName = new Map(
    parameters.map(({ name, variable }) => [
      `${kind}/${name}`,
      tf.tidy(() => tf.variable(tf.zeros(variable.shape), false)),
    ]),
  );
  return {
    byName,
    of: ({ name }) => byName.get(`${kind}/${name}`) as tf.Variable,
    dispose: () => {
      for (const slot of byName.values()) slot.dispose();
    },
  };
}

/** L2 coefficient of a parameter: none on VAM's attention, which has to stay free to sharpen. */
export function decayOf(parameter: Parameter, weightDecay: number): number {
  return parameter.group === 'vam' ? 0 : weightDecay;
}

/** g + λw. */
export function decayed(gradient: tf.Tensor, weights: tf.Tensor, decay: number): tf.Tensor {
  return decay === 0 ? gradient : tf.add(gradient, tf.mul(weights, decay));
}

/** The gradient of one parameter. @throws KdxError CodeBug where the loss does not depend on it. */
export function gradientOf(
  gradients: ReadonlyMap<string, tf.Tensor>,
  { name }: Parameter,
): tf.Tensor {
  const gradient = gradients.get(name);
  if (gradient !== undefined) return gradient;
  throw new KdxError(
    'CodeBug',
    `No gradient reaches ${name}: leave it out of the optimiser or make the loss depend on it.`,
  );
}
