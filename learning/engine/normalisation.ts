import { tf } from './backend.ts';
import { dataType, flag, float, operationWithOutputs, text } from './operation.ts';

/** Batch norm's ε and momentum, as in PyTorch (Keras' defaults differ). */
export const EPSILON = 1e-5;
const MOMENTUM = 0.1;

/** The tensors of one batch norm, all [channels]. */
export type NormState = {
  readonly gamma: tf.Variable;
  readonly beta: tf.Variable;
  readonly mean: tf.Variable;
  readonly variance: tf.Variable;
  /**
   * Bias of the convolution in front. Batch norm cancels it, so it is never added: it only moves
   * the running mean, and its gradient in training is exactly zero.
   */
  readonly bias?: tf.Variable;
};

function attributes(training: boolean, momentum?: number): ReturnType<typeof float>[] {
  return [
    dataType('T', 'float32'),
    dataType('U', 'float32'),
    float('epsilon', EPSILON),
    ...(momentum === undefined ? [] : [float('exponential_avg_factor', momentum)]),
    text('data_format', 'NHWC'),
    flag('is_training', training),
  ];
}

/** The fused forward pass; in training it moves the running statistics. Gives y and three reserves. */
function fused(x: tf.Tensor, state: NormState, training: boolean): tf.Tensor[] {
  const { gamma, beta, mean, variance, bias } = state;
  const centre = bias === undefined ? mean : tf.sub(mean, bias);
  const inputs = [x, gamma, beta, centre, variance];
  const outputs = operationWithOutputs(
    'FusedBatchNormV3',
    attributes(training, training ? MOMENTUM : 1),
    inputs,
    6,
  );
  const [y, newMean, newVariance, ...reserves] = outputs as [tf.Tensor, tf.Tensor, tf.Tensor];
  if (training) {
    mean.assign(bias === undefined ? newMean : tf.add(newMean, bias));
    variance.assign(newVariance);
  }
  return [y, ...reserves];
}

/** Gradients of x, gamma, beta and, where there is one, of the convolution's bias. */
function gradients(state: NormState, training: boolean, tensors: tf.Tensor[]): tf.Tensor[] {
  const [dx, dGamma, dBeta] = operationWithOutputs(
    'FusedBatchNormGradV3',
    attributes(training),
    tensors,
    5,
  ) as [tf.Tensor, tf.Tensor, tf.Tensor];
  if (state.bias === undefined) return [dx, dGamma, dBeta];
  const slope = tf.div(state.gamma, tf.sqrt(tf.add(state.variance, EPSILON)));
  return [dx, dGamma, dBeta, training ? tf.zerosLike(state.bias) : tf.mul(dBeta, slope)];
}

/**
 * Batch normalisation over N, H, W by TensorFlow's fused kernel. In training it normalises with the
 * (biased) batch statistics and moves the running ones by 0.1, the variance Bessel-corrected, as
 * PyTorch does. In evaluation it uses the running ones, and is differentiable as well.
 */
export function batchNorm(x: tf.Tensor4D, state: NormState, training: boolean): tf.Tensor4D {
  const parameters = [state.gamma, state.beta, ...(state.bias === undefined ? [] : [state.bias])];
  const normalise = tf.customGrad<tf.Tensor4D>((input, gamma, ...rest) => {
    const save = rest.at(-1) as tf.GradSaveFunc;
    const [y, ...reserves] = fused(input as tf.Tensor, state, training) as [tf.Tensor4D];
    save([input as tf.Tensor, gamma as tf.Tensor, ...reserves]);
    return {
      value: y,
      gradFunc: (dy, saved) => gradients(state, training, [dy, ...saved]),
    };
  });
  return normalise(x, ...parameters);
}
