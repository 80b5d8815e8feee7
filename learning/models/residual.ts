/**
 * Residual blocks (He et al., CVPR 2016; arXiv:1512.03385), and networks that are stages of them. A
 * projection (1 × 1 convolution and batch norm) stands on the shortcut wherever the shape changes,
 * where the paper pads with zeros; a stem narrower than the first stage makes that stage project too.
 */
import type { Body, Builder } from '../engine/builder.ts';
import { activate, convolutionNorm, linear, type NormLayer } from '../engine/layers.ts';
import { stagedBody, type Block } from './stages.ts';

export type BlockOptions = {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: number;
  /** Height and width of the input map. */
  readonly size: number;
};

function projectionOf(builder: Builder, options: BlockOptions): NormLayer | undefined {
  const { name, inputs, outputs, stride } = options;
  if (stride === 1 && inputs === outputs) return undefined;
  const shortcut = { name: `${name}/shortcut`, kernelSize: 1, role: 'shortcut' } as const;
  return convolutionNorm(builder, { ...options, ...shortcut });
}

/** Two 3 × 3 convolutions. */
export function basicBlock(builder: Builder, options: BlockOptions): Block {
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
  const projection = projectionOf(builder, options);
  return (x, context) => {
    const inner = first.rectified(x, context);
    return activate(second, inner, context, projection?.bare(x, context) ?? x);
  };
}

/** 1 × 1, 3 × 3 with the stride, and 1 × 1 convolutions; `width` is what lies between them. */
export function bottleneckBlock(
  builder: Builder,
  options: BlockOptions & { readonly width: number },
): Block {
  const { name, inputs, outputs, stride, size, width } = options;
  const pointwise = { kernelSize: 1, stride: 1, role: 'pointwise' } as const;
  const narrow = convolutionNorm(builder, {
    ...pointwise,
    ...{ name: `${name}/conv1`, inputs, outputs: width, size },
  });
  const middle = convolutionNorm(builder, {
    ...{ name: `${name}/conv2`, inputs: width, outputs: width, kernelSize: 3, stride, size },
    role: 'body',
  });
  const widen = convolutionNorm(builder, {
    ...pointwise,
    ...{ name: `${name}/conv3`, inputs: width, outputs, size: size / stride },
  });
  const projection = projectionOf(builder, options);
  return (x, context) => {
    const inner = middle.rectified(narrow.rectified(x, context), context);
    return activate(widen, inner, context, projection?.bare(x, context) ?? x);
  };
}

/** Stages of blocks between a stem and a classifier. */
type Stages = {
  readonly stem: number;
  /** Blocks of each stage; all but the first stage halve the map. */
  readonly blocks: readonly number[];
  /** Outputs of the blocks of each stage. */
  readonly outputs: readonly number[];
  readonly block: (options: BlockOptions, stage: number) => Block;
};

function buildStages({ stem, blocks, outputs, block }: Stages, imageSize: number): Block[][] {
  let inputs = stem;
  let size = imageSize;
  return outputs.map((channels, stage) =>
    Array.from({ length: blocks[stage] ?? 0 }, (_, index) => {
      const stride = stage > 0 && index === 0 ? 2 : 1;
      const name = `stage${stage + 1}/block${index + 1}`;
      const built = block({ name, inputs, outputs: channels, stride, size }, stage);
      inputs = channels;
      size /= stride;
      return built;
    }),
  );
}

/** Builds such a network. Features: f0 stem, f1 … ends of the stages, the last one pooled. */
export function residualNetwork(builder: Builder, network: Stages): Body {
  const { imageSize, classes } = builder.options;
  const stem = convolutionNorm(builder, {
    ...{ name: 'stem', inputs: 3, outputs: network.stem, kernelSize: 3, stride: 1 },
    ...{ size: imageSize, role: 'stem' },
  });
  const stages = buildStages(network, imageSize);
  const classifier = linear(builder, {
    name: 'classifier',
    inputs: network.outputs.at(-1) ?? network.stem,
    outputs: classes,
    bias: 'uniform',
  });
  return stagedBody(stem, stages, classifier);
}
