/**
 * Wide residual networks (Zagoruyko & Komodakis, BMVC 2016; arXiv:1605.07146) for CIFAR: depth
 * 6n + 4, width factor w, pre-activation blocks (batch norm and ReLU in front of each convolution).
 * Where the number of channels changes the shortcut is a bare 1 × 1 convolution of the activated
 * input, elsewhere the input itself.
 */
import type { WideResNetSettings } from '../../study/models/wide-resnet.ts';
import { tf } from '../engine/backend.ts';
import type { Body, Builder, Context } from '../engine/builder.ts';
import type { Activated, NormLayer } from '../engine/layers.ts';
import { activate, convolution, convolutionNorm, linear, norm } from '../engine/layers.ts';
import type { Affine, Forward } from '../engine/network.ts';
import { globalAveragePool } from '../engine/pooling.ts';
import { requireDivisible } from './options.ts';

type BlockOptions = {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: number;
  readonly size: number;
};

/** `preActivation` is what its first batch norm, `affine`, gives, where the pass keeps it. */
type Kept = Omit<Activated, 'active'>;
type BlockOutput = { readonly sum: tf.Tensor4D } & Kept;
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
    const { active, ...kept } = activate(entry, x, context);
    const inner = second(first.rectified(active, context), context);
    return { sum: tf.add(inner, shortcut?.(active, context) ?? x), ...kept };
  };
}

function buildStages(builder: Builder, { depth, stem, stages }: WideResNetSettings): Block[][] {
  const blocks = (depth - 4) / 6;
  let inputs = stem;
  let size = builder.options.imageSize;
  return stages.map((outputs, stage) =>
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

/** What the stages give: the raw sum at the end of each, and its activated version. */
type StageOutputs = {
  readonly sums: tf.Tensor4D[];
  readonly active: tf.Tensor4D;
  readonly preActivations: tf.Tensor4D[];
  readonly norms: Affine[];
};

/** Runs the stages. A stage's pre-activation is the batch norm that follows it. */
function runStages(
  stages: readonly (readonly Block[])[],
  last: NormLayer,
  stem: tf.Tensor4D,
  context: Context,
): StageOutputs {
  let x = stem;
  const sums: tf.Tensor4D[] = [];
  const kept: Kept[] = [];
  for (const [index, stage] of stages.entries()) {
    for (const [position, block] of stage.entries()) {
      const { sum, ...entry } = block(x, context);
      if (index > 0 && position === 0) kept.push(entry);
      x = sum;
    }
    sums.push(x);
  }
  const { active, ...exit } = activate(last, x, context);
  kept.push(exit);
  return {
    ...{ sums, active },
    preActivations: kept.flatMap(({ preActivation = [] }) => preActivation),
    norms: kept.flatMap(({ affine = [] }) => affine),
  };
}

/** Builds a WRN. Features: f0 the bare stem, f1–f3 raw sums of the stages, f4 pooled. */
export function buildWideResNet(builder: Builder, shape: WideResNetSettings): Body {
  const { imageSize, classes } = builder.options;
  requireDivisible('imageSize', imageSize, 4);
  const stem = convolution(builder, {
    name: 'stem',
    inputs: 3,
    outputs: shape.stem,
    kernelSize: 3,
    stride: 1,
    size: imageSize,
    role: 'stem',
  });
  const stages = buildStages(builder, shape);
  const channels = shape.stages[2];
  const last = norm(builder, 'norm', channels);
  const classifier = linear(builder, {
    name: 'classifier',
    inputs: channels,
    outputs: classes,
    bias: 'zero',
  });

  return (images, context): Forward => {
    const stemmed = stem(images, context);
    const { sums, active, ...kept } = runStages(stages, last, stemmed, context);
    const pooled = globalAveragePool(active);
    return {
      logits: classifier(pooled),
      features: [stemmed, ...sums, pooled],
      ...{ ...kept, pooled },
      lastMap: active,
      classify: classifier,
    };
  };
}
