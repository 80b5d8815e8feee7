/**
 * CIFAR ResNets (He et al., CVPR 2016, §4.2; arXiv:1512.03385) as RepDistiller defines them: depth
 * 6n + 2, three stages of basic blocks.
 */
import type { ResNetSettings } from '../../study/models/resnet.ts';
import type { Body, Builder } from '../engine/builder.ts';
import { requireDivisible } from './options.ts';
import { basicBlock, residualNetwork } from './residual.ts';

/** Builds a ResNet. Features: f0 stem, f1–f3 ends of the stages, f4 pooled. */
export function buildResNet(builder: Builder, { depth, stem, stages }: ResNetSettings): Body {
  requireDivisible('imageSize', builder.options.imageSize, 4);
  return residualNetwork(builder, {
    stem,
    blocks: stages.map(() => (depth - 2) / 6),
    outputs: stages,
    block: (options) => basicBlock(builder, options),
  });
}
