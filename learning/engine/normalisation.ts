import { tf } from './backend.ts';
import { hasNativeOperations } from './native.ts';
import { dataType, flag, float, integers, operationWithOutputs, text } from './operation.ts';

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

/** Outputs of a forward pass: `moved` are the running mean and variance after a step of training. */
type Normalised = {
  readonly y: tf.Tensor4D;
  readonly moved: readonly [tf.Tensor, tf.Tensor];
  readonly saved: readonly tf.Tensor[];
};

/** Computes a batch norm, and all that is one operation with it. */
export type NormKernels = {
  /** @param inputs x, γ, β, running mean (less the bias), running variance, and any addend */
  readonly forward: (inputs: readonly tf.Tensor[]) => Normalised;
  /** Gradients of x, γ, β and any addend. */
  readonly gradient: (dy: tf.Tensor, saved: readonly tf.Tensor[]) => tf.Tensor[];
};

/** TensorFlow's, without ReLU and addend: for GPUs. */
export function stockKernels(training: boolean): NormKernels {
  const attributes = [
    dataType('T', 'float32'),
    dataType('U', 'float32'),
    float('epsilon', EPSILON),
    text('data_format', 'NHWC'),
    flag('is_training', training),
  ];
  const momentum = float('exponential_avg_factor', training ? MOMENTUM : 1);
  return {
    forward: (inputs) => {
      const [y, mean, variance, ...reserves] = operationWithOutputs(
        'FusedBatchNormV3',
        [...attributes, momentum],
        inputs,
        6,
      ) as [tf.Tensor4D, tf.Tensor, tf.Tensor];
      const [x, gamma] = inputs as [tf.Tensor, tf.Tensor];
      return { y, moved: [mean, variance], saved: [x, gamma, ...reserves] };
    },
    gradient: (dy, saved) =>
      operationWithOutputs('FusedBatchNormGradV3', attributes, [dy, ...saved], 5).slice(0, 3),
  };
}

/** Ours, for CPUs: with the sum and the ReLU that follow, in as few passes over memory (`native/norm.h`). */
function nativeKernels(training: boolean, rectified: boolean, addends: number): NormKernels {
  const attributes = [
    flag('training', training),
    flag('rectified', rectified),
    float('epsilon', EPSILON),
    float('momentum', MOMENTUM),
    integers('N', addends),
  ];
  return {
    forward: (inputs) => {
      const [y, mean, variance, centre, inverse] = operationWithOutputs(
        'KdxNorm',
        attributes,
        inputs,
        5,
      ) as [tf.Tensor4D, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
      const parameters = inputs.slice(0, 3);
      const outputs = addends === 0 ? [] : [y];
      return { y, moved: [mean, variance], saved: [...parameters, centre, inverse, ...outputs] };
    },
    gradient: (dy, saved) =>
      operationWithOutputs('KdxNormGradient', attributes, [dy, ...saved], 3 + addends),
  };
}

/** The gradient of the bias in front of the norm. */
function biasGradient(state: NormState, dBeta: tf.Tensor, training: boolean): tf.Tensor {
  if (training) return tf.zerosLike(dBeta);
  const slope = tf.div(state.gamma, tf.sqrt(tf.add(state.variance, EPSILON)));
  return tf.mul(dBeta, slope);
}

/**
 * Normalises maps [N, H, W, C], as a differentiable function of x, γ, β, any bias and any addend. In
 * training the running statistics move.
 */
export function normalise(
  x: tf.Tensor4D,
  state: NormState,
  training: boolean,
  { forward, gradient }: NormKernels,
  addends: readonly tf.Tensor4D[] = [],
): tf.Tensor4D {
  const { gamma, beta, mean, variance, bias } = state;
  const biases = bias === undefined ? [] : [bias];
  const compute = tf.customGrad<tf.Tensor4D>((...operands) => {
    const save = operands.at(-1) as tf.GradSaveFunc;
    const [input, scale, offset] = operands as [tf.Tensor, tf.Tensor, tf.Tensor];
    const centre = bias === undefined ? mean : tf.sub(mean, bias);
    const { y, moved, saved } = forward([input, scale, offset, centre, variance, ...addends]);
    if (training) {
      mean.assign(bias === undefined ? moved[0] : tf.add(moved[0], bias));
      variance.assign(moved[1]);
    }
    save([...saved]);
    return {
      value: y,
      gradFunc: (dy, tensors) => {
        const [dx, dGamma, dBeta, ...others] = gradient(dy, tensors) as [
          tf.Tensor,
          tf.Tensor,
          tf.Tensor,
        ];
        return [
          dx,
          dGamma,
          dBeta,
          ...biases.map(() => biasGradient(state, dBeta, training)),
          ...others,
        ];
      },
    };
  });
  return compute(x, gamma, beta, ...biases, ...addends);
}

/**
 * Batch normalisation over N, H, W. In training it normalises with the (biased) batch statistics and
 * moves the running ones by 0.1, the variance Bessel-corrected, as PyTorch does. In evaluation it
 * uses the running ones, and is differentiable as well.
 */
export function batchNorm(x: tf.Tensor4D, state: NormState, training: boolean): tf.Tensor4D {
  const isNative = hasNativeOperations();
  const kernels = isNative ? nativeKernels(training, false, 0) : stockKernels(training);
  return normalise(x, state, training, kernels);
}

/** ReLU(batch norm of x + addend): one operation where ours are there. */
export function batchNormRelu(
  x: tf.Tensor4D,
  state: NormState,
  training: boolean,
  addend?: tf.Tensor4D,
): tf.Tensor4D {
  if (!hasNativeOperations()) {
    const normalised = batchNorm(x, state, training);
    return tf.relu(addend === undefined ? normalised : tf.add(normalised, addend));
  }
  const addends = addend === undefined ? [] : [addend];
  return normalise(x, state, training, nativeKernels(training, true, addends.length), addends);
}
