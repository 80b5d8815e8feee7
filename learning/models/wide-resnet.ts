/**
 * Wide residual networks (Zagoruyko & Komodakis, BMVC 2016; arXiv:1605.07146) for CIFAR: depth
 * 6n + 4, width factor w, pre-activation blocks (batch norm and ReLU in front of each convolution).
 * Where the number of channels changes the shortcut is a bare 1 × 1 convolution of the activated
 * input, elsewhere the input itself.
 */
import { tf } from '../engine/backend.ts';
import type { Body, Builder, Context } from '../engine/builder.ts';
import type { Layer } from '../engine/layers.ts';
import { convolution, convolutionNorm, linear, norm } from '../engine/layers.ts';
import type { Forward } from '../engine/network.ts';
import { globalAveragePool } from '../engine/pooling.ts';
import { requireDivisible } from './options.ts';

export type WideResNetShape = { readonly depth: number; readonly width: number };

const STEM_CHANNELS = 16;

type BlockOptions = {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: number;
  readonly size: number;
};

/** `normalised` is the block's first batch norm: the pre-activation version of its input. */
type BlockOutput = { readonly sum: tf.Tensor4D; readonly normalised: tf.Tensor4D };
type Block = (x: tf.Tensor4D, context: Context) => BlockOutput;

function preActivationBlock(builder: Builder, options: BlockOptions): Block {
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
    const normalised = entry(x, context);
    const active = tf.relu(normalised);
    const inner = second(tf.relu(first(active, context)), context);
    return { sum: tf.add(inner, shortcut?.(active, context) ?? x), normalised };
  };
}

function buildStages(builder: Builder, { depth, width }: WideResNetShape): Block[][] {
  const blocks = (depth - 4) / 6;
  let inputs = STEM_CHANNELS;
  let size = builder.options.imageSize;
  return [16 * width, 32 * width, 64 * width].map((outputs, stage) =>
    Array.from({ length: blocks }, (_, index) => {
      const stride = stage > 0 && index === 0 ? 2 : 1;
      const name = `stage${stage + 1}/block${index + 1}`;
      const block = preActivationBlock(builder, { name, inputs, outputs, stride, size });
      inputs = outputs;
      size /= stride;
      return block;
    }),
  );
}

/** Runs the stages. Gives the raw sum at the end of each, and the batch norms that follow them. */
function runStages(
  stages: readonly (readonly Block[])[],
  last: Layer,
  stem: tf.Tensor4D,
  context: Context,
): { sums: tf.Tensor4D[]; normalised: tf.Tensor4D[] } {
  let x = stem;
  const sums: tf.Tensor4D[] = [];
  const normalised: tf.Tensor4D[] = [];
  for (const [index, stage] of stages.entries()) {
    for (const [position, block] of stage.entries()) {
      const output = block(x, context);
      if (index > 0 && position === 0) normalised.push(output.normalised);
      x = output.sum;
    }
    sums.push(x);
  }
  normalised.push(last(x, context));
  return { sums, normalised };
}

/** Builds a WRN. Features: f0 the bare stem, f1–f3 raw sums of the stages, f4 pooled. */
export function buildWideResNet(builder: Builder, shape: WideResNetShape): Body {
  const { imageSize, classes } = builder.options;
  requireDivisible('imageSize', imageSize, 4);
  const stem = convolution(builder, {
    name: 'stem',
    inputs: 3,
    outputs: STEM_CHANNELS,
    kernelSize: 3,
    stride: 1,
    size: imageSize,
    role: 'stem',
  });
  const stages = buildStages(builder, shape);
  const channels = 64 * shape.width;
  const last = norm(builder, 'norm', channels);
  const classifier = linear(builder, {
    name: 'classifier',
    inputs: channels,
    outputs: classes,
    bias: 'zero',
  });

  return (images, context): Forward => {
    const stemmed = stem(images, context);
    const { sums, normalised } = runStages(stages, last, stemmed, context);
    const pooled = globalAveragePool(tf.relu(normalised.at(-1) as tf.Tensor4D));
    return {
      logits: classifier(pooled),
      features: [stemmed, ...sums, pooled],
      preActivations: normalised,
      pooled,
    };
  };
}
