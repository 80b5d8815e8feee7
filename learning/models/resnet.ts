/**
 * CIFAR ResNets (He et al., CVPR 2016, §4.2; arXiv:1512.03385) as RepDistiller defines them: depth
 * 6n + 2, basic blocks, and a projection (1 × 1 convolution and batch norm) on the shortcut wherever
 * the shape changes, where the paper pads with zeros; a stem narrower than the first stage makes that
 * stage project too.
 */
import type { ResNetSettings } from '../../study/models/resnet.ts';
import type { tf } from '../engine/backend.ts';
import type { Body, Builder, Context } from '../engine/builder.ts';
import { activate, convolutionNorm, linear, type Activated } from '../engine/layers.ts';
import type { Affine, Forward } from '../engine/network.ts';
import { globalAveragePool } from '../engine/pooling.ts';
import { requireDivisible } from './options.ts';

type BlockOptions = {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: number;
  /** Height and width of the input map. */
  readonly size: number;
};

type Block = (x: tf.Tensor4D, context: Context) => Activated;

function basicBlock(builder: Builder, options: BlockOptions): Block {
  const { name, inputs, outputs, stride, size } = options;
  const main = { outputs, kernelSize: 3, role: 'body' } as const;
  const first = convolutionNorm(builder, { ...main, name: `${name}/conv1`, inputs, stride, size });
  const second = convolutionNorm(builder, {
    ...main,
    name: `${name}/conv2`,
    inputs: outputs,
    stride: 1,
    size: size / stride,
  });
  const projection =
    stride === 1 && inputs === outputs
      ? undefined
      : convolutionNorm(builder, {
          name: `${name}/shortcut`,
          inputs,
          outputs,
          kernelSize: 1,
          stride,
          size,
          role: 'shortcut',
        });
  return (x, context) => {
    const inner = first.rectified(x, context);
    return activate(second, inner, context, projection?.bare(x, context) ?? x);
  };
}

/** The stages as lists of blocks, and the size of the last map. */
function buildStages(builder: Builder, { depth, stem, stages }: ResNetSettings): Block[][] {
  const blocks = (depth - 2) / 6;
  let inputs = stem;
  let size = builder.options.imageSize;
  return stages.map((outputs, stage) =>
    Array.from({ length: blocks }, (_, index) => {
      const stride = stage > 0 && index === 0 ? 2 : 1;
      const name = `stage${stage + 1}/block${index + 1}`;
      const block = basicBlock(builder, { name, inputs, outputs, stride, size });
      inputs = outputs;
      size /= stride;
      return block;
    }),
  );
}

/** Builds a ResNet. Features: f0 stem, f1–f3 ends of the stages, f4 pooled. */
export function buildResNet(builder: Builder, shape: ResNetSettings): Body {
  const { imageSize, classes } = builder.options;
  requireDivisible('imageSize', imageSize, 4);
  const stem = convolutionNorm(builder, {
    name: 'stem',
    inputs: 3,
    outputs: shape.stem,
    kernelSize: 3,
    stride: 1,
    size: imageSize,
    role: 'stem',
  });
  const stages = buildStages(builder, shape);
  const classifier = linear(builder, {
    name: 'classifier',
    inputs: shape.stages[2],
    outputs: classes,
    bias: 'uniform',
  });

  return (images, context): Forward => {
    let x = stem.rectified(images, context);
    const features: tf.Tensor[] = [x];
    const preActivations: tf.Tensor4D[] = [];
    const norms: Affine[] = [];
    for (const stage of stages) {
      let preActivation: tf.Tensor4D | undefined;
      let affine: Affine | undefined;
      for (const block of stage) ({ active: x, preActivation, affine } = block(x, context));
      features.push(x);
      if (preActivation !== undefined) preActivations.push(preActivation);
      if (affine !== undefined) norms.push(affine);
    }
    const pooled = globalAveragePool(x);
    return {
      logits: classifier(pooled),
      features: [...features, pooled],
      ...{ preActivations, norms, pooled },
      lastMap: x,
      classify: classifier,
    };
  };
}
