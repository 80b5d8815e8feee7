import { tf } from './backend.ts';
import type { Builder, Context, ModuleBuilder } from './builder.ts';
import { convolve } from './convolution.ts';
import { convolveGroups } from './grouped.ts';
import type { Affine, Initial } from './network.ts';
import { batchNorm, batchNormRelu } from './normalisation.ts';

/** A layer over feature maps, with its variables inside. */
export type Layer = (x: tf.Tensor4D, context: Context) => tf.Tensor4D;

/** A layer that ends with a batch norm, which ReLU may follow. */
export type NormLayer = {
  readonly bare: Layer;
  /** Absent where the norm is folded away. */
  readonly affine?: Affine;
  /** ReLU(layer(x) + addend). */
  readonly rectified: (x: tf.Tensor4D, context: Context, addend?: tf.Tensor4D) => tf.Tensor4D;
};

export type ConvolutionOptions = {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  /** 1 or 3. */
  readonly kernelSize: number;
  readonly stride: number;
  /** Height and width of the input map. */
  readonly size: number;
  /**
   * `stem` reads the images; `body` may carry attention; `shortcut`, and `pointwise` beside larger
   * kernels, never do.
   */
  readonly role: 'stem' | 'body' | 'shortcut' | 'pointwise';
  /** Groups of channels, each with kernels of its own: as many as channels for a depthwise one. */
  readonly groups?: number;
  /** `normal`, unless told otherwise: He by fan-out. `uniform`: U(±1/√fan-in), PyTorch's default. */
  readonly initial?: 'normal' | 'uniform';
};

/** Most reference networks of RepDistiller start as He et al. say, by fan-out; some as PyTorch does. */
function kernelInitial(options: ConvolutionOptions): Initial {
  const { kernelSize, inputs, outputs, groups = 1, initial = 'normal' } = options;
  if (initial === 'normal') {
    return { kind: 'normal', standardDeviation: Math.sqrt(2 / (kernelSize ** 2 * outputs)) };
  }
  const bound = 1 / Math.sqrt((kernelSize ** 2 * inputs) / groups);
  return { kind: 'uniform', low: -bound, high: bound };
}

/** A convolution without bias. */
export function convolution(builder: Builder, options: ConvolutionOptions): Layer {
  const { name, inputs, outputs, kernelSize, stride, size, role, groups = 1 } = options;
  const shape = [kernelSize, kernelSize, inputs / groups, outputs] as const;
  const kernel = builder.parameter(`${name}/kernel`, shape, kernelInitial(options));
  const gate = role === 'body' ? builder.gateKernel?.(name, shape, groups) : undefined;
  builder.countMultiplyAdds(name, (size / stride) ** 2 * kernelSize ** 2 * shape[2] * outputs);
  return (x, context) => {
    const stored = kernel as unknown as tf.Tensor4D;
    const effective = gate === undefined ? stored : gate(stored, context);
    if (groups === 1) return convolve(x, effective, stride, role !== 'stem');
    return convolveGroups(x, effective, { groups, stride });
  };
}

/** Batch norm on its own; `bias` is the one of a convolution right in front of it. */
export function norm(
  builder: ModuleBuilder,
  name: string,
  channels: number,
  bias?: tf.Variable,
): NormLayer {
  const state = {
    gamma: builder.parameter(`${name}/gamma`, [channels], { kind: 'constant', value: 1 }),
    beta: builder.parameter(`${name}/beta`, [channels], { kind: 'constant', value: 0 }),
    mean: builder.statistic(`${name}/mean`, [channels], 0),
    variance: builder.statistic(`${name}/variance`, [channels], 1),
    ...(bias === undefined ? {} : { bias }),
  };
  return {
    affine: { gamma: state.gamma, beta: state.beta },
    bare: (x, { mode }) => batchNorm(x, state, mode === 'train'),
    rectified: (x, { mode }, addend) => batchNormRelu(x, state, mode === 'train', addend),
  };
}

/**
 * A convolution and the batch norm behind it, named `<name>/norm`: the pair that folds into one
 * convolution with bias for inference (`foldedNorms`).
 */
export function convolutionNorm(
  builder: Builder,
  options: ConvolutionOptions & { readonly biased?: boolean },
): NormLayer {
  const { name, outputs, biased = false } = options;
  const { foldedNorms = false } = builder.options;
  const convolved = convolution(builder, options);
  const bias =
    biased || foldedNorms
      ? builder.parameter(`${name}/bias`, [outputs], { kind: 'constant', value: 0 })
      : undefined;
  if (foldedNorms && bias !== undefined) {
    return withRelu((x, context) => tf.add(convolved(x, context), bias));
  }
  const { bare, rectified, ...rest } = norm(builder, `${name}/norm`, outputs, bias);
  return {
    ...rest,
    bare: (x, context) => bare(convolved(x, context), context),
    rectified: (x, context, addend) => rectified(convolved(x, context), context, addend),
  };
}

/** Where the norm is folded, sum and ReLU are operations of their own. */
function withRelu(bare: Layer): NormLayer {
  return {
    bare,
    rectified: (x, context, addend) => {
      const y = bare(x, context);
      return tf.relu(addend === undefined ? y : tf.add(y, addend));
    },
  };
}

/** ReLU(layer(x) + addend); where the pass keeps it, what ReLU reads, and the norm that gave it. */
export type Activated = {
  readonly active: tf.Tensor4D;
  readonly preActivation?: tf.Tensor4D;
  readonly affine?: Affine;
};

export function activate(
  layer: NormLayer,
  x: tf.Tensor4D,
  context: Context,
  addend?: tf.Tensor4D,
): Activated {
  if (context.keepsPreActivations !== true) return { active: layer.rectified(x, context, addend) };
  const normalised = layer.bare(x, context);
  const preActivation = addend === undefined ? normalised : tf.add<tf.Tensor4D>(normalised, addend);
  const { affine } = layer;
  const active = tf.relu(preActivation);
  return { active, preActivation, ...(affine === undefined ? {} : { affine }) };
}

export type LinearOptions = {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  /** `uniform`, unless told otherwise: U(±1/√inputs), PyTorch's default. `normal`: N(0, 0.01²). */
  readonly kernel?: 'uniform' | 'normal';
  readonly bias: 'uniform' | 'zero';
};

/** The classifier: [B, inputs] → [B, outputs]. */
export function linear(
  builder: ModuleBuilder,
  { name, inputs, outputs, kernel: start = 'uniform', bias }: LinearOptions,
): (x: tf.Tensor2D) => tf.Tensor2D {
  const bound = 1 / Math.sqrt(inputs);
  const uniform: Initial = { kind: 'uniform', low: -bound, high: bound };
  const normal: Initial = { kind: 'normal', standardDeviation: 0.01 };
  const initial = start === 'uniform' ? uniform : normal;
  const kernel = builder.parameter(`${name}/kernel`, [inputs, outputs], initial);
  const offset = builder.parameter(
    `${name}/bias`,
    [outputs],
    bias === 'uniform' ? uniform : { kind: 'constant', value: 0 },
  );
  builder.countMultiplyAdds(name, inputs * outputs);
  return (x) => tf.add(tf.matMul(x, kernel as unknown as tf.Tensor2D), offset);
}
