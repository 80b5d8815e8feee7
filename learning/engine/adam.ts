import { tf } from './backend.ts';
import type { Parameter } from './network.ts';
import type { Optimizer } from './optimizer.ts';
import { createSlots, decayOf, decayed, gradientOf } from './optimizer.ts';

export type AdamOptions = {
  readonly parameters: readonly Parameter[];
  /** L2 added to the gradient (coupled, not AdamW). */
  readonly weightDecay: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
};

/** 1 − βᵗ without the cancellation that float32 would suffer for β near 1. */
function correction(beta: number, step: tf.Tensor): tf.Tensor {
  return tf.neg(tf.expm1(tf.mul(step, Math.log(beta))));
}

/**
 * Adam with coupled L2 (Kingma & Ba 2015, algorithm 1; ε outside the root, as PyTorch's `Adam`):
 * KDExplainer's stage 1. A rate of zero still advances the moments and the step count, which that
 * stage relies on while its gates are held.
 */
export function adam(options: AdamOptions): Optimizer {
  const { parameters, weightDecay, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  const means = createSlots(parameters, 'mean');
  const squares = createSlots(parameters, 'square');
  const step = tf.tidy(() => tf.variable(tf.scalar(0), false));

  const update = (parameter: Parameter, gradient: tf.Tensor, rate: tf.Scalar): void => {
    const { variable } = parameter;
    const mean = means.of(parameter);
    const square = squares.of(parameter);
    const direction = decayed(gradient, variable, decayOf(parameter, weightDecay));
    mean.assign(tf.add(tf.mul(mean, beta1), tf.mul(direction, 1 - beta1)));
    square.assign(tf.add(tf.mul(square, beta2), tf.mul(tf.square(direction), 1 - beta2)));
    const scale = tf.div(rate, correction(beta1, step));
    const root = tf.sqrt(tf.div(square, correction(beta2, step)));
    variable.assign(tf.sub(variable, tf.mul(scale, tf.div(mean, tf.add(root, epsilon)))));
  };

  return {
    parameters,
    slots: new Map([...means.byName, ...squares.byName, ['step', step]]),
    apply: (gradients, rates) => {
      step.assign(tf.add(step, 1));
      for (const parameter of parameters) {
        update(parameter, gradientOf(gradients, parameter), rates[parameter.group]);
      }
    },
    dispose: () => {
      means.dispose();
      squares.dispose();
      step.dispose();
    },
  };
}
