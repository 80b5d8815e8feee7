/**
 * VGG (Simonyan & Zisserman, ICLR 2015; arXiv:1409.1556) with batch norm, for small images as
 * RepDistiller defines it: five blocks of 3 × 3 convolutions with bias, a maximum over 2 × 2 behind
 * the first three (from 64 pixels on the first four), pooled means and one linear layer.
 */
import { pooledBlocks, VGG_SIZE_MULTIPLE } from '../../study/models/vgg-pools.ts';
import type { VggSettings } from '../../study/models/vgg.ts';
import type { tf } from '../engine/backend.ts';
import type { Body, Builder } from '../engine/builder.ts';
import { activate, convolutionNorm, linear, type NormLayer } from '../engine/layers.ts';
import type { Affine, Forward } from '../engine/network.ts';
import { globalAveragePool, maxPool } from '../engine/pooling.ts';
import { requireDivisible } from './options.ts';

function buildBlocks(builder: Builder, { channels, convolutions }: VggSettings): NormLayer[][] {
  const { imageSize } = builder.options;
  let inputs = 3;
  let size = imageSize;
  return channels.map((outputs, block) => {
    const layers = Array.from({ length: convolutions[block] ?? 0 }, (_, index) => {
      const name = `block${block + 1}/conv${index + 1}`;
      const layer = convolutionNorm(builder, {
        ...{ name, inputs, outputs, kernelSize: 3, stride: 1, size, biased: true },
        role: block === 0 && index === 0 ? 'stem' : 'body',
      });
      inputs = outputs;
      return layer;
    });
    if (block < pooledBlocks(imageSize)) size /= 2;
    return layers;
  });
}

/** Builds a VGG. Features: f0–f4 the ends of the blocks, each before it is pooled, f5 the mean. */
export function buildVgg(builder: Builder, settings: VggSettings): Body {
  const { imageSize, classes } = builder.options;
  requireDivisible('imageSize', imageSize, VGG_SIZE_MULTIPLE);
  const blocks = buildBlocks(builder, settings);
  const pools = pooledBlocks(imageSize);
  const classifier = linear(builder, {
    name: 'classifier',
    inputs: settings.channels.at(-1) ?? 3,
    outputs: classes,
    kernel: 'normal',
    bias: 'zero',
  });

  return (images, context): Forward => {
    const features: tf.Tensor4D[] = [];
    const preActivations: tf.Tensor4D[] = [];
    const norms: Affine[] = [];
    let x = images;
    for (const [block, layers] of blocks.entries()) {
      if (block > 0 && block <= pools) x = maxPool(x);
      let preActivation: tf.Tensor4D | undefined;
      let affine: Affine | undefined;
      for (const layer of layers)
        ({ active: x, preActivation, affine } = activate(layer, x, context));
      features.push(x);
      // f0 is the end of the first block here; pre-activations begin with f1.
      if (block === 0) continue;
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
