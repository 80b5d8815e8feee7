import { tf } from './backend.ts';
import { hasNativeOperations } from './native.ts';
import { dataType, flag, integers, operation, text } from './operation.ts';
import { crop, pad } from './padding.ts';
import { productType } from './precision.ts';

/** A convolution and its two gradients, over maps that already have `padding` around them. */
type Products = {
  readonly padding: number;
  readonly forward: (padded: tf.Tensor, kernel: tf.Tensor) => tf.Tensor4D;
  readonly kernelGradient: (padded: tf.Tensor, dy: tf.Tensor) => tf.Tensor;
  /** The gradient of the padded maps. */
  readonly inputGradient: (padded: tf.Tensor, kernel: tf.Tensor, dy: tf.Tensor) => tf.Tensor4D;
};

/**
 * TensorFlow's own. SAME at stride 1; at a larger stride a symmetric pad and VALID, because
 * TensorFlow's SAME pads even sizes at the far edge only, unlike the networks we reproduce.
 * (Explicit padding inside the operation would say it in one, but has no fast gradient kernels on
 * CPU.)
 */
function stockProducts(shape: readonly number[], stride: number): Products {
  const margin = ((shape[0] ?? 1) - 1) / 2;
  const same = stride === 1 && margin > 0;
  const attributes = [
    dataType('T', 'float32'),
    integers('strides', [1, stride, stride, 1]),
    text('padding', same ? 'SAME' : 'VALID'),
    text('data_format', 'NHWC'),
    integers('dilations', [1, 1, 1, 1]),
    flag('use_cudnn_on_gpu', true),
  ];
  const sizes = (values: readonly number[]): tf.Tensor => tf.tensor1d([...values], 'int32');
  return {
    padding: same ? 0 : margin,
    forward: (padded, kernel) => operation('Conv2D', attributes, [padded, kernel]),
    kernelGradient: (padded, dy) =>
      operation('Conv2DBackpropFilter', attributes, [padded, sizes(shape), dy]),
    inputGradient: (padded, kernel, dy) =>
      operation('Conv2DBackpropInput', attributes, [sizes(padded.shape), kernel, dy]),
  };
}

/** Every `stride`-th pixel of maps. */
function thin(x: tf.Tensor, stride: number): tf.Tensor {
  return tf.stridedSlice(x, [0, 0, 0, 0], x.shape, [1, stride, stride, 1]);
}

/** The other way round: zeros between the pixels. */
function spread(x: tf.Tensor4D, stride: number, [batch, height, width]: readonly number[]) {
  const [, rows, columns, channels] = x.shape;
  const apart = tf.reshape(x, [batch as number, rows, 1, columns, 1, channels]);
  const gap: [number, number] = [0, stride - 1];
  const none: [number, number] = [0, 0];
  const padded = tf.pad(apart, [none, none, gap, none, gap, none]);
  const whole = tf.reshape<tf.Rank.R4>(padded, [-1, rows * stride, columns * stride, channels]);
  return tf.slice(whole, [0, 0, 0, 0], [-1, height as number, width as number, -1]);
}

/**
 * 1 × 1 at a stride: the pixels that it meets are taken out first. oneDNN writes beyond its memory in
 * the gradient of some such kernels (8 to 16 channels at stride 2, one image of 16 × 16 pixels).
 */
function thinnedProducts(shape: readonly number[], stride: number): Products {
  const dense = stockProducts(shape, 1);
  return {
    padding: 0,
    forward: (x, kernel) => dense.forward(thin(x, stride), kernel),
    kernelGradient: (x, dy) => dense.kernelGradient(thin(x, stride), dy),
    inputGradient: (x, kernel, dy) =>
      spread(dense.inputGradient(thin(x, stride), kernel, dy), stride, x.shape),
  };
}

/** Ours, with fewer multiplications than the definition (`native/winograd.h`). */
const WINOGRAD: Products = {
  padding: 0,
  forward: (x, kernel) => operation('KdxConvolution', [], [x, kernel]),
  kernelGradient: (x, dy) => operation('KdxFilterGradient', [], [x, dy]),
  inputGradient: (_x, kernel, dy) => operation('KdxInputGradient', [], [dy, kernel]),
};

/** Channels come in groups of so many there. */
const CHANNEL_GROUP = 16;

/** By Winograd wherever it is possible; shapes, device and precision alone decide. */
function productsFor(shape: readonly [number, number, number, number], stride: number): Products {
  const [height, width, inputs, outputs] = shape;
  const fits =
    stride === 1 &&
    height === 3 &&
    width === 3 &&
    inputs % CHANNEL_GROUP === 0 &&
    outputs % CHANNEL_GROUP === 0;
  const isPossible = fits && hasNativeOperations() && productType() === 'float32';
  if (isPossible) return WINOGRAD;
  const isSparse = height === 1 && stride > 1 && inputs % CHANNEL_GROUP !== 0;
  return isSparse ? thinnedProducts(shape, stride) : stockProducts(shape, stride);
}

/**
 * 2-D convolution, NHWC by HWIO, symmetric padding (k − 1)/2, odd square kernels.
 *
 * @param needsInputGradient false for a network's first layer: nothing asks for the gradient of
 *   images, and computing it costs as much as the forward pass of that layer.
 */
export function convolve(
  x: tf.Tensor4D,
  kernel: tf.Tensor4D,
  stride: number,
  needsInputGradient = true,
): tf.Tensor4D {
  const { padding, forward, kernelGradient, inputGradient } = productsFor(kernel.shape, stride);
  if (!needsInputGradient) {
    const overKernel = tf.customGrad<tf.Tensor4D>((weights, save) => {
      const padded = pad(x, padding);
      (save as tf.GradSaveFunc)([padded]);
      return {
        value: forward(padded, weights as tf.Tensor),
        gradFunc: (dy, [saved]) => kernelGradient(saved as tf.Tensor, dy),
      };
    });
    return overKernel(kernel);
  }
  const overBoth = tf.customGrad<tf.Tensor4D>((input, weights, save) => {
    const padded = pad(input as tf.Tensor4D, padding);
    (save as tf.GradSaveFunc)([padded, weights as tf.Tensor]);
    return {
      value: forward(padded, weights as tf.Tensor),
      gradFunc: (dy, saved) => {
        const [padded, weights] = saved as [tf.Tensor, tf.Tensor];
        const dx = inputGradient(padded, weights, dy);
        return [crop(dx, padding, x.shape), kernelGradient(padded, dy)];
      },
    };
  });
  return overBoth(x, kernel);
}
