import { tf } from './backend.ts';
import type { Builder, Context } from './builder.ts';
import { convolve } from './convolution.ts';
import type { Initial } from './network.ts';
import { batchNorm } from './normalisation.ts';

/** A layer over feature maps, with its variables inside. */
export type Layer = (x: tf.Tensor4D, context: Context) => tf.Tensor4D;

export type ConvolutionOptions = {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  /** 1 or 3. */
  readonly kernelSize: number;
  readonly stride: number;
  /** Height and width of the input map. */
  readonly size: number;
  /** `stem` reads the images; `body` may carry attention; `shortcut` never does. */
  readonly role: 'stem' | 'body' | 'shortcut';
};

/** He initialisation by fan-out, as the reference networks of RepDistiller use. */
function kernelInitial({ kernelSize, outputs }: ConvolutionOptions): Initial {
  return { kind: 'normal', standardDeviation: Math.sqrt(2 / (kernelSize ** 2 * outputs)) };
}

/** A convolution without bias. */
export function convolution(builder: Builder, options: ConvolutionOptions): Layer {
  const { name, inputs, outputs, kernelSize, stride, size, role } = options;
  const shape = [kernelSize, kernelSize, inputs, outputs] as const;
  const kernel = builder.parameter(`${name}/kernel`, shape, kernelInitial(options));
  const gate = role === 'body' ? builder.gateKernel?.(name, shape) : undefined;
  builder.countMultiplyAdds((size / stride) ** 2 * kernelSize ** 2 * inputs * outputs);
  return (x, context) => {
    const stored = kernel as unknown as tf.Tensor4D;
    const effective = gate === undefined ? stored : gate(stored, context);
    return convolve(x, effective, stride, role !== 'stem');
  };
}

/** Batch norm on its own; `bias` is the one of a convolution right in front of it. */
export function norm(builder: Builder, name: string, channels: number, bias?: tf.Variable): Layer {
  const state = {
    gamma: builder.parameter(`${name}/gamma`, [channels], { kind: 'constant', value: 1 }),
    beta: builder.parameter(`${name}/beta`, [channels], { kind: 'constant', value: 0 }),
    mean: builder.statistic(`${name}/mean`, [channels], 0),
    variance: builder.statistic(`${name}/variance`, [channels], 1),
    ...(bias === undefined ? {} : { bias }),
  };
  return (x, context) => batchNorm(x, state, context.mode === 'train');
}

/**
 * A convolution and the batch norm behind it, named `<name>/norm`: the pair that folds into one
 * convolution with bias for inference (`foldedNorms`).
 */
export function convolutionNorm(
  builder: Builder,
  options: ConvolutionOptions & { readonly biased?: boolean },
): Layer {
  const { name, outputs, biased = false } = options;
  const { foldedNorms = false } = builder.options;
  const convolved = convolution(builder, options);
  const bias =
    biased || foldedNorms
      ? builder.parameter(`${name}/bias`, [outputs], { kind: 'constant', value: 0 })
      : undefined;
  if (foldedNorms && bias !== undefined) {
    return (x, context) => tf.add(convolved(x, context), bias);
  }
  const normalised = norm(builder, `${name}/norm`, outputs, bias);
  return (x, context) => normalised(convolved(x, context), context);
}

export type LinearOptions = {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  /** `uniform`: U(±1/√inputs), PyTorch's default. */
  readonly bias: 'uniform' | 'zero';
};

/** The classifier: [B, inputs] → [B, outputs]. */
export function linear(
  builder: Builder,
  { name, inputs, outputs, bias }: LinearOptions,
): (x: tf.Tensor2D) => tf.Tensor2D {
  const bound = 1 / Math.sqrt(inputs);
  const uniform: Initial = { kind: 'uniform', low: -bound, high: bound };
  const kernel = builder.parameter(`${name}/kernel`, [inputs, outputs], uniform);
  const offset = builder.parameter(
    `${name}/bias`,
    [outputs],
    bias === 'uniform' ? uniform : { kind: 'constant', value: 0 },
  );
  builder.countMultiplyAdds(inputs * outputs);
  return (x) => tf.add(tf.matMul(x, kernel as unknown as tf.Tensor2D), offset);
}
