import { tf } from './backend.ts';
import type { Parameter } from './network.ts';
import type { Optimizer } from './optimizer.ts';
import { createSlot, decayedGradients, flatGroups } from './optimizer.ts';

export type SgdOptions = {
  readonly parameters: readonly Parameter[];
  readonly momentum: number;
  /** Nesterov's momentum; false unless given. */
  readonly nesterov?: boolean;
  /** L2 added to the gradient of every parameter, norms and biases included. */
  readonly weightDecay: number;
};

/**
 * Stochastic gradient descent with momentum as PyTorch's `SGD` does it: d = g + λw, v ← μv + d,
 * w ← w − ηv, with Nesterov w ← w − η(d + μv); the momentum is not dampened, and the rate is outside it.
 */
export function sgd(options: SgdOptions): Optimizer {
  const { parameters, momentum, nesterov = false, weightDecay } = options;
  const states = flatGroups(parameters, weightDecay).map((flat) => ({
    flat,
    velocity: createSlot(flat),
  }));
  return {
    parameters,
    slots: new Map(states.map(({ flat, velocity }) => [`velocity/${flat.group}`, velocity])),
    apply: (gradients, rates) => {
      for (const { flat, velocity } of states) {
        const weights = flat.weights();
        const direction = decayedGradients(flat, weights, gradients);
        velocity.assign(tf.add(tf.mul(velocity, momentum), direction));
        const ahead = nesterov ? tf.add(direction, tf.mul(velocity, momentum)) : velocity;
        flat.assign(tf.sub(weights, tf.mul(ahead, rates[flat.group])));
      }
    },
    dispose: () => {
      for (const { velocity } of states) velocity.dispose();
    },
  };
}
