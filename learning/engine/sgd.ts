import { tf } from './backend.ts';
import type { Parameter } from './network.ts';
import type { Optimizer } from './optimizer.ts';
import { createSlots, decayOf, decayed, gradientOf } from './optimizer.ts';

export type SgdOptions = {
  readonly parameters: readonly Parameter[];
  readonly momentum: number;
  /** L2 added to the gradient of every parameter, norms and biases included. */
  readonly weightDecay: number;
};

/**
 * Stochastic gradient descent with momentum as PyTorch's `SGD` does it: d = g + λw, v ← μv + d,
 * w ← w − ηv; the momentum is not dampened, and the rate is outside it.
 */
export function sgd({ parameters, momentum, weightDecay }: SgdOptions): Optimizer {
  const velocities = createSlots(parameters, 'velocity');
  return {
    parameters,
    slots: velocities.byName,
    apply: (gradients, rates) => {
      for (const parameter of parameters) {
        const { variable, group } = parameter;
        const velocity = velocities.of(parameter);
        const gradient = gradientOf(gradients, parameter);
        const direction = decayed(gradient, variable, decayOf(parameter, weightDecay));
        velocity.assign(tf.add(tf.mul(velocity, momentum), direction));
        variable.assign(tf.sub(variable, tf.mul(velocity, rates[group])));
      }
    },
    dispose: velocities.dispose,
  };
}
