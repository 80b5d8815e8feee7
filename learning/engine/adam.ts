import { tf } from './backend.ts';
import type { Parameter } from './network.ts';
import type { FlatGroup, Optimizer } from './optimizer.ts';
import { createSlot, decayedGradients, flatGroups } from './optimizer.ts';

export type AdamOptions = {
  readonly parameters: readonly Parameter[];
  /** L2 added to the gradient (coupled, not AdamW). */
  readonly weightDecay: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly epsilon?: number;
};

type State = {
  readonly flat: FlatGroup;
  readonly mean: tf.Variable<tf.Rank.R1>;
  readonly square: tf.Variable<tf.Rank.R1>;
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
  const states = flatGroups(parameters, weightDecay).map((flat): State => ({
    flat,
    mean: createSlot(flat),
    square: createSlot(flat),
  }));
  const step = tf.tidy(() => tf.variable(tf.scalar(0), false));

  return {
    parameters,
    slots: new Map<string, tf.Variable>([
      ...states.map(({ flat, mean }) => [`mean/${flat.group}`, mean] as const),
      ...states.map(({ flat, square }) => [`square/${flat.group}`, square] as const),
      ['step', step],
    ]),
    apply: (gradients, rates) => {
      step.assign(tf.add(step, 1));
      const meanCorrection = correction(beta1, step);
      const squareCorrection = correction(beta2, step);
      for (const { flat, mean, square } of states) {
        const weights = flat.weights();
        const direction = decayedGradients(flat, weights, gradients);
        mean.assign(tf.add(tf.mul(mean, beta1), tf.mul(direction, 1 - beta1)));
        square.assign(tf.add(tf.mul(square, beta2), tf.mul(tf.square(direction), 1 - beta2)));
        const root = tf.add(tf.sqrt(tf.div(square, squareCorrection)), epsilon);
        const rate = tf.div(rates[flat.group], meanCorrection);
        flat.assign(tf.sub(weights, tf.mul(rate, tf.div(mean, root))));
      }
    },
    dispose: () => {
      for (const slot of [step, ...states.flatMap(({ mean, square }) => [mean, square])]) {
        slot.dispose();
      }
    },
  };
}
