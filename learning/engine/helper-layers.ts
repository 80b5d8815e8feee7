import { tf } from './backend.ts';
import type { ModuleBuilder } from './builder.ts';
import { convolve } from './convolution.ts';
import { linear, norm, type LinearOptions } from './layers.ts';
import type { Initial, Pass } from './network.ts';

/** Helpers run in training; those that a student answers through, in evaluation as well. */
type Map = (x: tf.Tensor4D, mode?: Pass['mode']) => tf.Tensor4D;

export type HelperConvolution = {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  /** Odd; padded by (k − 1)/2, so that the map keeps its size. */
  readonly kernelSize: number;
  /** Height and width of the map. */
  readonly size: number;
  readonly bias: boolean;
  /** How the kernel starts, where not as PyTorch's: U(±1/√fan-in). */
  readonly initial?: Initial;
};

type NormedOptions = {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  /** Height and width of the input map. */
  readonly size: number;
};

/**
 * Layers of the modules that a distiller trains beside the student. They start as PyTorch's do: kernel
 * and bias U(±1/√fan-in).
 */
export type HelperLayers = {
  /**
   * Convolution with bias, batch norm, ReLU. At stride 2 or with a kernel of 1 the padding is
   * (k − 1)/2, else there is none.
   */
  readonly convolutionNormRelu: (
    options: NormedOptions & { readonly kernelSize: number; readonly stride: 1 | 2 },
  ) => Map;
  /** Transposed convolution, 4 × 4 of stride 2, which doubles the map; batch norm, ReLU. */
  readonly transposedNormRelu: (options: NormedOptions) => Map;
  readonly linear: (options: LinearOptions) => (x: tf.Tensor2D) => tf.Tensor2D;
  /** Convolution of stride 1. */
  readonly convolution: (options: HelperConvolution) => Map;
  /** Batch norm of maps. */
  readonly norm: (name: string, channels: number) => Map;
  /** Convolution of stride 1 and batch norm, alone or with ReLU behind it. */
  readonly convolutionNorm: (options: HelperConvolution) => {
    readonly bare: Map;
    readonly rectified: Map;
  };
};

const TRANSPOSED_KERNEL = 4;

function uniform(fanIn: number): Initial {
  const bound = 1 / Math.sqrt(fanIn);
  return { kind: 'uniform', low: -bound, high: bound };
}

export function createHelperLayers(builder: ModuleBuilder): HelperLayers {
  return {
    convolutionNormRelu: (options) => convolutionNormRelu(builder, options),
    transposedNormRelu: (options) => transposedNormRelu(builder, options),
    linear: (options) => linear(builder, options),
    convolution: (options) => {
      const { convolved, bias } = startConvolution(builder, options);
      return bias === undefined ? convolved : (x) => tf.add(convolved(x), bias);
    },
    norm: (name, channels) => {
      const { bare } = norm(builder, name, channels);
      return (x, mode = 'train') => bare(x, { mode });
    },
    convolutionNorm: (options) => {
      const { convolved, bias } = startConvolution(builder, options);
      const { bare, rectified } = norm(builder, `${options.name}/norm`, options.outputs, bias);
      return {
        bare: (x, mode = 'train') => bare(convolved(x), { mode }),
        rectified: (x, mode = 'train') => rectified(convolved(x), { mode }),
      };
    },
  };
}

/** The product with the kernel, and the bias that is still to be added. */
function startConvolution(
  builder: ModuleBuilder,
  { name, inputs, outputs, kernelSize, size, bias, initial }: HelperConvolution,
): { readonly convolved: Map; readonly bias?: tf.Variable } {
  const shape = [kernelSize, kernelSize, inputs, outputs];
  const usual = uniform(kernelSize ** 2 * inputs);
  const kernel = builder.parameter(`${name}/kernel`, shape, initial ?? usual);
  builder.countMultiplyAdds(name, size ** 2 * kernelSize ** 2 * inputs * outputs);
  const convolved: Map = (x) => convolve(x, kernel as unknown as tf.Tensor4D, 1);
  return bias
    ? { convolved, bias: builder.parameter(`${name}/bias`, [outputs], usual) }
    : { convolved };
}

function convolutionNormRelu(
  builder: ModuleBuilder,
  {
    name,
    inputs,
    outputs,
    size,
    kernelSize,
    stride,
  }: NormedOptions & { readonly kernelSize: number; readonly stride: 1 | 2 },
): Map {
  const initial = uniform(kernelSize ** 2 * inputs);
  const shape = [kernelSize, kernelSize, inputs, outputs];
  const kernel = builder.parameter(`${name}/kernel`, shape, initial) as unknown as tf.Tensor4D;
  const bias = builder.parameter(`${name}/bias`, [outputs], initial);
  const { rectified } = norm(builder, `${name}/norm`, outputs, bias);
  const isPadded = stride === 2 || kernelSize === 1;
  const after = isPadded ? size / stride : size - kernelSize + 1;
  builder.countMultiplyAdds(name, after ** 2 * kernelSize ** 2 * inputs * outputs);
  return (x, mode = 'train') => {
    const y = isPadded ? convolve(x, kernel, stride) : tf.conv2d(x, kernel, 1, 'valid');
    return rectified(y, { mode });
  };
}

function transposedNormRelu(
  builder: ModuleBuilder,
  { name, inputs, outputs, size }: NormedOptions,
): Map {
  // PyTorch takes the fan-in of a transposed kernel from its output channels.
  const initial = uniform(TRANSPOSED_KERNEL ** 2 * outputs);
  const shape = [TRANSPOSED_KERNEL, TRANSPOSED_KERNEL, outputs, inputs];
  const kernel = builder.parameter(`${name}/kernel`, shape, initial) as unknown as tf.Tensor4D;
  const bias = builder.parameter(`${name}/bias`, [outputs], initial);
  const { rectified } = norm(builder, `${name}/norm`, outputs, bias);
  builder.countMultiplyAdds(name, size ** 2 * TRANSPOSED_KERNEL ** 2 * inputs * outputs);
  return (x, mode = 'train') => {
    const [batch] = x.shape;
    // At 4 × 4 and stride 2, SAME pads by one on every side.
    const doubled = tf.conv2dTranspose(x, kernel, [batch, 2 * size, 2 * size, outputs], 2, 'same');
    return rectified(doubled, { mode });
  };
}
