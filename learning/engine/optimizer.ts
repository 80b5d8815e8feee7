import { KdxError } from '../../leg/errors.ts';
import { tf } from './backend.ts';
import type { Parameter, ParameterGroup } from './network.ts';

/** Learning rate of every parameter group, as fed scalars. */
export type LearningRates = Readonly<Record<ParameterGroup, tf.Scalar>>;

/** Gradients by the names of their parameters. */
export type Gradients = ReadonlyMap<string, tf.Tensor>;

/** An update rule with its state. Rates are tensors, so that a schedule never freezes in a graph. */
export type Optimizer = {
  readonly parameters: readonly Parameter[];
  /**
   * Momenta, moments and step counts by name: a checkpoint saves and restores all of them. A slot of
   * a group is one vector over its parameters, in the order of `parameters`.
   */
  readonly slots: ReadonlyMap<string, tf.Variable>;
  /** It wants the gradient of what is learned from a teacher apart. */
  readonly splits?: true;
  /**
   * One update in place; `gradients` by parameter name, one for each of `parameters`. An optimiser that
   * splits may be given two: that of the task, and that of what a teacher says. Each parameter is in
   * one of them at least.
   */
  readonly apply: (gradients: Gradients, rates: LearningRates, ofTeacher?: Gradients) => void;
  readonly dispose: () => void;
};

/**
 * The parameters of one group as a single vector. An update is elementwise, so it runs once over the
 * vector, with the same bits as parameter by parameter, instead of in hundreds of small operations.
 */
export type FlatGroup = {
  readonly group: ParameterGroup;
  readonly members: readonly Parameter[];
  readonly length: number;
  /** L2 coefficient. */
  readonly decay: number;
  readonly weights: () => tf.Tensor1D;
  /** @throws KdxError CodeBug where the loss does not depend on a parameter */
  readonly gradients: (byName: Gradients) => tf.Tensor1D;
  readonly assign: (values: tf.Tensor1D) => void;
};

const GROUPS: readonly ParameterGroup[] = ['weights', 'gates', 'vam'];

/** Puts parameters together by group. VAM's attention is not decayed: it has to stay free to sharpen. */
export function flatGroups(parameters: readonly Parameter[], weightDecay: number): FlatGroup[] {
  return GROUPS.flatMap((group) => {
    const members = parameters.filter((parameter) => parameter.group === group);
    return members.length === 0 ? [] : [flatGroup(group, members, weightDecay)];
  });
}

function flatGroup(
  group: ParameterGroup,
  members: readonly Parameter[],
  weightDecay: number,
): FlatGroup {
  const sizes = members.map(({ variable }) => variable.size);
  return {
    group,
    members,
    length: sizes.reduce((sum, size) => sum + size, 0),
    decay: group === 'vam' ? 0 : weightDecay,
    weights: () => flatten(members.map(({ variable }) => variable)),
    gradients: (byName) => flatten(members.map(({ name }) => requireGradient(byName, name))),
    assign: (values) => {
      const parts = tf.split(values, sizes);
      for (const [index, { variable }] of members.entries()) {
        const part = parts[index] as tf.Tensor1D;
        variable.assign(variable.rank === 1 ? part : tf.reshape(part, variable.shape));
      }
    },
  };
}

function flatten(tensors: readonly tf.Tensor[]): tf.Tensor1D {
  const rows = tensors.map((x) => (x.rank === 1 ? (x as tf.Tensor1D) : tf.reshape(x, [x.size])));
  return tf.concat(rows as tf.Tensor1D[]);
}

function requireGradient(byName: Gradients, name: string): tf.Tensor {
  const gradient = byName.get(name);
  if (gradient !== undefined) return gradient;
  throw new KdxError(
    'CodeBug',
    `No gradient reaches ${name}: leave it out of the optimiser or make the loss depend on it.`,
  );
}

/** g + λw for a whole group. */
export function decayedGradients(
  { decay, gradients }: FlatGroup,
  weights: tf.Tensor1D,
  byName: Gradients,
): tf.Tensor1D {
  const gradient = gradients(byName);
  return decay === 0 ? gradient : tf.add(gradient, tf.mul(weights, decay));
}

/** A vector of optimiser state for every group, zero at the start. */
export function createSlot(group: FlatGroup): tf.Variable<tf.Rank.R1> {
  return tf.tidy(() => tf.variable(tf.zeros<tf.Rank.R1>([group.length]), false));
}
