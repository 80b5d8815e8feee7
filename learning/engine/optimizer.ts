import type { tf } from './backend.ts';
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

/** L2 coefficient of a parameter: none on VAM's attention, which has to stay free to sharpen. */
export function decayOf(parameter: Parameter, weightDecay: number): number {
  return parameter.group === 'vam' ? 0 : weightDecay;
}
