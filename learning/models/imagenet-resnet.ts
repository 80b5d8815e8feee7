/**
 * The ResNets that were published for ImageNet (He et al., CVPR 2016; arXiv:1512.03385) on small
 * images, as RepDistiller defines them: a 3 × 3 stem of stride 1 without pooling, four stages of basic
 * or bottleneck blocks. A bottleneck has its stride in the 3 × 3 convolution, where the paper has it
 * in the first 1 × 1.
 */
import type { ImageNetResNetSettings } from '../../study/models/imagenet-resnet.ts';
import type { Body, Builder } from '../engine/builder.ts';
import { requireDivisible } from './options.ts';
import { basicBlock, bottleneckBlock, residualNetwork } from './residual.ts';

/** Builds a ResNet. Features: f0 stem, f1–f4 ends of the stages, f5 pooled. */
export function buildImageNetResNet(builder: Builder, settings: ImageNetResNetSettings): Body {
  const { stem, widths, blocks, expansion } = settings;
  requireDivisible('imageSize', builder.options.imageSize, 2 ** (widths.length - 1));
  return residualNetwork(builder, {
    stem,
    blocks,
    outputs: widths.map((width) => width * expansion),
    block: (options, stage) =>
      expansion === 1
        ? basicBlock(builder, options)
        : bottleneckBlock(builder, { ...options, width: widths[stage] ?? options.outputs }),
  });
}
