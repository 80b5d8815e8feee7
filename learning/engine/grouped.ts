import { tf } from './backend.ts';
import { convolve } from './convolution.ts';
import { depthwise } from './depthwise.ts';
import { hasNativeOperations } from './native.ts';
import { integers, operation } from './operation.ts';
import { productType } from './precision.ts';

export type Grouping = { readonly groups: number; readonly stride: number };

/** Ours, for CPUs and 1 × 1 kernels (`native/grouped.h`). */
function nativeGroups(x: tf.Tensor4D, kernel: tf.Tensor4D, groups: number): tf.Tensor4D {
  const attributes = [integers('groups', groups)];
  const compute = tf.customGrad<tf.Tensor4D>((input, weights, save) => {
    (save as tf.GradSaveFunc)([input as tf.Tensor, weights as tf.Tensor]);
    return {
      value: operation('KdxGrouped', attributes, [input as tf.Tensor, weights as tf.Tensor]),
      gradFunc: (dy, saved) => {
        const [input, weights] = saved as [tf.Tensor, tf.Tensor];
        return [
          operation('KdxGroupedInputGradient', attributes, [dy, weights]),
          operation('KdxGroupedFilterGradient', attributes, [input, dy]),
        ];
      },
    };
  });
  return compute(x, kernel);
}

/** Each group by a convolution of its own. */
export function groupByGroup(x: tf.Tensor4D, kernel: tf.Tensor4D, grouping: Grouping): tf.Tensor4D {
  const { groups, stride } = grouping;
  const maps = tf.split<tf.Tensor4D>(x, groups, 3);
  const kernels = tf.split<tf.Tensor4D>(kernel, groups, 3);
  const outputs = maps.map((map, group) => convolve(map, kernels[group] as tf.Tensor4D, stride));
  return tf.concat(outputs, 3);
}

/**
 * Convolution in groups of adjacent channels: NHWC by [k, k, inputs of a group, outputs], symmetric
 * padding. Where a group is one channel and gives one, the kernels are 3 × 3.
 */
export function convolveGroups(
  x: tf.Tensor4D,
  kernel: tf.Tensor4D,
  grouping: Grouping,
): tf.Tensor4D {
  const { groups, stride } = grouping;
  const [size, , inputs, outputs] = kernel.shape;
  if (inputs === 1 && outputs === groups) return depthwise(x, kernel, stride);
  const isPlain = size === 1 && stride === 1 && productType() === 'float32';
  if (isPlain && hasNativeOperations()) return nativeGroups(x, kernel, groups);
  return groupByGroup(x, kernel, grouping);
}

function nativeShuffle(x: tf.Tensor4D, groups: number): tf.Tensor4D {
  const shuffle = (map: tf.Tensor, by: number): tf.Tensor4D => {
    return operation('KdxShuffle', [integers('groups', by)], [map]);
  };
  const compute = tf.customGrad<tf.Tensor4D>((input) => ({
    value: shuffle(input as tf.Tensor, groups),
    gradFunc: (dy) => shuffle(dy, x.shape[3] / groups),
  }));
  return compute(x);
}

/** The shuffle as tfjs says it. */
export function transposeChannels(x: tf.Tensor4D, groups: number): tf.Tensor4D {
  const [batch, height, width, channels] = x.shape;
  const apart = tf.reshape(x, [batch * height * width, groups, channels / groups]);
  return tf.reshape(tf.transpose(apart, [0, 2, 1]), x.shape);
}

/** Channel g·n + j of `groups` groups of n becomes channel j·groups + g: all groups meet in each. */
export function shuffleChannels(x: tf.Tensor4D, groups: number): tf.Tensor4D {
  if (groups === 1) return x;
  return hasNativeOperations() ? nativeShuffle(x, groups) : transposeChannels(x, groups);
}
