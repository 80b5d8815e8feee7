/**
 * Wide residual networks (Zagoruyko & Komodakis, BMVC 2016; arXiv:1605.07146) for CIFAR: depth
 * 6n + 4, width factor w, pre-activation blocks (batch norm and ReLU in front of each convolution).
 * Where the number of channels changes the shortcut is a bare 1 × 1 convolution of the activated
 * input, elsewhere the input itself.
 */
import type { WideResNetSettings } from '../../study/models/wide-resnet.ts';
import type { tf } from '../engine/backend.ts';
import type { Body, Builder, Context } from '../engine/builder.ts';
import type { NormLayer } from '../engine/layers.ts';
import { activate, convolution, linear, norm } from '../engine/layers.ts';
import type { Affine, Forward } from '../engine/network.ts';
import { globalAveragePool } from '../engine/pooling.ts';
import { requireDivisible } from './options.ts';
import { preActivationBlock, type Block, type Kept } from './pre-activation.ts';

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
