/**
 * Residual blocks with batch norm and ReLU in front of each convolution (He et al., ECCV 2016;
 * arXiv:1603.05027). Where the number of channels changes the shortcut is a bare 1 × 1 convolution of
 * the activated input, elsewhere the input itself.
 */
import { tf } from '../engine/backend.ts';
import type { Builder, Context } from '../engine/builder.ts';
import type { Activated } from '../engine/layers.ts';
import { activate, convolution, convolutionNorm, norm } from '../engine/layers.ts';

export type BlockOptions = {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: number;
  readonly size: number;
};

/** `preActivation` is what its first batch norm, `affine`, gives, where the pass keeps it. */
export type Kept = Omit<Activated, 'active'>;
type BlockOutput = { readonly sum: tf.Tensor4D } & Kept;
export type Block = (x: tf.Tensor4D, context: Context) => BlockOutput;

/** Two 3 × 3 convolutions, the norm and ReLU of each in front of it. */
export function preActivationBlock(builder: Builder, options: BlockOptions): Block {
  const { name, inputs, outputs, stride, size } = options;
  const main = { outputs, kernelSize: 3, role: 'body' } as const;
  const entry = norm(builder, `${name}/norm1`, inputs);
  const first = convolutionNorm(builder, { ...main, name: `${name}/conv1`, inputs, stride, size });
  const second = convolution(builder, {
    ...main,
    name: `${name}/conv2`,
    inputs: outputs,
    stride: 1,
    size: size / stride,
  });
  const shortcut =
    inputs === outputs
      ? undefined
      : convolution(builder, {
          name: `${name}/shortcut`,
          inputs,
          outputs,
          kernelSize: 1,
          stride,
          size,
          role: 'shortcut',
        });
  return (x, context) => {
    const { active, ...kept } = activate(entry, x, context);
    const inner = second(first.rectified(active, context), context);
    return { sum: tf.add(inner, shortcut?.(active, context) ?? x), ...kept };
  };
}
