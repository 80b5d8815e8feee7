import { tf } from './backend.ts';
import type { Attribute } from './operation.ts';
import { dataType, flag, integers, operation, text } from './operation.ts';

type Geometry = { readonly attributes: readonly Attribute[]; readonly padding: number };

/**
 * SAME at stride 1; at a larger stride a symmetric pad and VALID, because TensorFlow's SAME pads
 * even sizes at the far edge only, unlike the networks we reproduce. (Explicit padding inside the
 * operation would say it in one, but has no fast gradient kernels on CPU.)
 */
function geometryOf(kernelSize: number, stride: number): Geometry {
  const margin = (kernelSize - 1) / 2;
  const same = stride === 1 && margin > 0;
  const attributes = [
    dataType('T', 'float32'),
    integers('strides', [1, stride, stride, 1]),
    text('padding', same ? 'SAME' : 'VALID'),
    text('data_format', 'NHWC'),
    integers('dilations', [1, 1, 1, 1]),
    flag('use_cudnn_on_gpu', true),
  ];
  return { attributes, padding: same ? 0 : margin };
}

function pad(x: tf.Tensor4D, padding: number): tf.Tensor4D {
  if (padding === 0) return x;
  const margin: [number, number] = [padding, padding];
  return tf.pad(x, [[0, 0], margin, margin, [0, 0]]);
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
  const { attributes, padding } = geometryOf(kernel.shape[0], stride);
  const forward = (padded: tf.Tensor4D, weights: tf.Tensor): tf.Tensor4D =>
    operation('Conv2D', attributes, [padded, weights]);
  const kernelGradient = (padded: tf.Tensor, dy: tf.Tensor): tf.Tensor =>
    operation('Conv2DBackpropFilter', attributes, [padded, tf.tensor1d(kernel.shape, 'int32'), dy]);
  const inputGradient = (padded: tf.Tensor, weights: tf.Tensor, dy: tf.Tensor): tf.Tensor => {
    const shape = tf.tensor1d(padded.shape, 'int32');
    const dx = operation<tf.Tensor4D>('Conv2DBackpropInput', attributes, [shape, weights, dy]);
    return padding === 0 ? dx : tf.slice(dx, [0, padding, padding, 0], x.shape);
  };

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
        const [input, weights] = saved as [tf.Tensor, tf.Tensor];
        return [inputGradient(input, weights, dy), kernelGradient(input, dy)];
      },
    };
  });
  return overBoth(x, kernel);
}
