/**
 * Gradients that replace those of tfjs: the same mathematics in fewer passes over memory. Together
 * with `kernels.ts` they take a quarter off a training step.
 */
import { tf } from './library.ts';
import { dataType, operation } from './operation.ts';

/** Gradient of a mean or a sum: the incoming gradient repeated, instead of a product with ones. */
function reductionGradient(scaled: boolean): Omit<tf.GradConfig, 'kernelName'> {
  return {
    inputsToSave: ['x'],
    gradFunc: (dy, saved, attributes) => {
      const x = saved[0] as tf.Tensor;
      const axes = tf.util.parseAxisParam(attributes['axis'] as number | number[], x.shape);
      const isReduced = (_: number, axis: number): boolean => axes.includes(axis);
      const kept = x.shape.map((size, axis) => (isReduced(size, axis) ? 1 : size));
      const repeats = x.shape.map((size, axis) => (isReduced(size, axis) ? size : 1));
      const count = repeats.reduce((product, size) => product * size, 1);
      return {
        x: () => {
          const gradient = tf.reshape(dy as tf.Tensor, kept);
          return tf.tile(scaled ? tf.div(gradient, count) : gradient, repeats);
        },
      };
    },
  };
}

tf.registerGradient({
  kernelName: 'Relu',
  outputsToSave: [true],
  gradFunc: (dy, [y]) => ({
    x: () => operation('ReluGrad', [dataType('T', 'float32')], [dy as tf.Tensor, y as tf.Tensor]),
  }),
});
tf.registerGradient({ kernelName: 'Mean', ...reductionGradient(true) });
tf.registerGradient({ kernelName: 'Sum', ...reductionGradient(false) });

/**
 * Runs `compute` off the gradient tape: for conditions, masks and targets, whose operations often
 * have no gradient in tfjs and need none.
 */
export function withoutGradient<T>(compute: () => T): T {
  const { state } = tf.engine();
  state.kernelDepth += 1;
  try {
    return compute();
  } finally {
    state.kernelDepth -= 1;
  }
}

/**
 * Gradients of a scalar inside the pass that computes it, so that others of the same pass can be taken
 * as well. Undefined for variables that it does not depend on.
 */
export function gradientsWithin(
  y: tf.Scalar,
  variables: readonly tf.Variable[],
): readonly (tf.Tensor | undefined)[] {
  // Nested gradients share one tape; off it, the way back is not written down a second time.
  return withoutGradient(() => {
    const { grads } = tf.engine().gradients(() => y, [...variables], undefined, true);
    return grads;
  });
}
