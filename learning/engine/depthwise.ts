import { tf } from './backend.ts';
import { hasNativeOperations } from './native.ts';
import { dataType, integers, operation, text } from './operation.ts';
import { crop, pad } from './padding.ts';

/** A depthwise convolution and its gradients; `x` has no padding yet. */
type Products = {
  readonly forward: (x: tf.Tensor4D, kernel: tf.Tensor) => tf.Tensor4D;
  readonly inputGradient: (x: tf.Tensor4D, kernel: tf.Tensor, dy: tf.Tensor4D) => tf.Tensor;
  readonly kernelGradient: (x: tf.Tensor4D, dy: tf.Tensor4D) => tf.Tensor;
};

const KERNEL_SIZE = 3;
const MARGIN = 1;

/** Ours, for CPUs (`native/depthwise.h`). */
function nativeProducts(stride: number): Products {
  const attributes = [integers('stride', stride)];
  return {
    forward: (x, kernel) => operation('KdxDepthwise', attributes, [x, kernel]),
    inputGradient: (x, kernel, dy) =>
      operation('KdxDepthwiseInputGradient', attributes, [x, kernel, dy]),
    kernelGradient: (x, dy) => operation('KdxDepthwiseFilterGradient', attributes, [x, dy]),
  };
}

/** The part of padded maps that a tap of the kernel meets, one value for each output. */
function tapOf(padded: tf.Tensor4D, row: number, column: number, stride: number, dy: tf.Tensor4D) {
  const [batch, height, width, channels] = dy.shape;
  const end = (from: number, count: number): number => from + (count - 1) * stride + 1;
  return tf.stridedSlice(
    padded,
    [0, row, column, 0],
    [batch, end(row, height), end(column, width), channels],
    [1, stride, stride, 1],
  );
}

/**
 * TensorFlow's, for GPUs. The gradient of the kernel is written out: TensorFlow has no deterministic
 * one for every version of cuDNN.
 */
export function stockProducts(stride: number): Products {
  const attributes = [
    dataType('T', 'float32'),
    integers('strides', [1, stride, stride, 1]),
    text('padding', 'VALID'),
    text('data_format', 'NHWC'),
    integers('dilations', [1, 1, 1, 1]),
  ];
  // TensorFlow wants [3, 3, channels, 1], which lies in memory alike.
  const filter = (kernel: tf.Tensor): tf.Tensor => {
    return tf.reshape(kernel, [KERNEL_SIZE, KERNEL_SIZE, -1, 1]);
  };
  return {
    forward: (x, kernel) =>
      operation('DepthwiseConv2dNative', attributes, [pad(x, MARGIN), filter(kernel)]),
    inputGradient: (x, kernel, dy) => {
      const [batch, height, width, channels] = x.shape;
      const padded = [batch, height + 2 * MARGIN, width + 2 * MARGIN, channels];
      const sizes = tf.tensor1d(padded, 'int32');
      const inputs = [sizes, filter(kernel), dy];
      const dx = operation<tf.Tensor4D>('DepthwiseConv2dNativeBackpropInput', attributes, inputs);
      return crop(dx, MARGIN, x.shape);
    },
    kernelGradient: (x, dy) => {
      const padded = pad(x, MARGIN);
      const taps = Array.from({ length: KERNEL_SIZE ** 2 }, (_, tap) => {
        const part = tapOf(padded, Math.floor(tap / KERNEL_SIZE), tap % KERNEL_SIZE, stride, dy);
        return tf.sum(tf.mul(part, dy), [0, 1, 2]);
      });
      return tf.reshape(tf.stack(taps), [KERNEL_SIZE, KERNEL_SIZE, 1, dy.shape[3]]);
    },
  };
}

/** By the products given; `depthwise` chooses them. */
export function depthwiseBy(products: Products, x: tf.Tensor4D, kernel: tf.Tensor4D): tf.Tensor4D {
  const compute = tf.customGrad<tf.Tensor4D>((input, weights, save) => {
    (save as tf.GradSaveFunc)([input as tf.Tensor, weights as tf.Tensor]);
    return {
      value: products.forward(input as tf.Tensor4D, weights as tf.Tensor),
      gradFunc: (dy, saved) => {
        const [input, weights] = saved as [tf.Tensor4D, tf.Tensor];
        const slopes = dy;
        return [
          products.inputGradient(input, weights, slopes),
          products.kernelGradient(input, slopes),
        ];
      },
    };
  });
  return compute(x, kernel);
}

/** Mean over 3 × 3 neighbours, of which those beyond the edges are zero and count. For CPUs. */
export function averageOfNeighbours(x: tf.Tensor4D, stride: number): tf.Tensor4D {
  const { forward, inputGradient } = nativeProducts(stride);
  const shape = [KERNEL_SIZE, KERNEL_SIZE, 1, x.shape[3]];
  const compute = tf.customGrad<tf.Tensor4D>((input, save) => {
    (save as tf.GradSaveFunc)([input as tf.Tensor]);
    const share = (): tf.Tensor => tf.fill(shape, 1 / KERNEL_SIZE ** 2);
    return {
      value: forward(input as tf.Tensor4D, share()),
      gradFunc: (dy, [saved]) => inputGradient(saved as tf.Tensor4D, share(), dy),
    };
  });
  return compute(x);
}

/**
 * Depthwise convolution, each channel by a kernel of its own: NHWC by [3, 3, 1, channels], symmetric
 * padding 1. Float32 whatever the precision of products: it multiplies too little to gain by another.
 */
export function depthwise(x: tf.Tensor4D, kernel: tf.Tensor4D, stride: number): tf.Tensor4D {
  return depthwiseBy(
    hasNativeOperations() ? nativeProducts(stride) : stockProducts(stride),
    x,
    kernel,
  );
}
