import {
  familyOf,
  squareMap,
  type LayerShape,
  type MapShape,
  type Outline,
  type Sizes,
} from './family.ts';
import { pooledBlocks, VGG_SIZE_MULTIPLE } from './vgg-pools.ts';

/**
 * VGG (Simonyan & Zisserman, ICLR 2015; arXiv:1409.1556) with batch norm, for small images: five
 * blocks of 3 × 3 convolutions, pooled means and one linear layer.
 */
export type VggSettings = {
  readonly channels: readonly number[];
  /** Convolutions of each block. */
  readonly convolutions: readonly number[];
};

const CHANNELS = [64, 128, 256, 512, 512] as const;

function outline({ channels, convolutions }: VggSettings, sizes: Sizes): Outline {
  const { imageSize, classes } = sizes;
  const layers: LayerShape[] = [];
  const maps: MapShape[] = [];
  let inputs = 3;
  let size = imageSize;
  for (const [block, outputs] of channels.entries()) {
    for (let index = 0; index < (convolutions[block] ?? 0); index += 1) {
      layers.push({ size, kernelSize: 3, inputs, outputs });
      inputs = outputs;
    }
    maps.push(squareMap(size, outputs));
    if (block < pooledBlocks(imageSize)) size /= 2;
  }
  layers.push({ size: 1, kernelSize: 1, inputs, outputs: classes });
  return { features: { maps, embedding: inputs }, layers };
}

export const VGGS = familyOf({
  family: 'vgg',
  models: {
    vgg8: { channels: CHANNELS, convolutions: [1, 1, 1, 1, 1] },
    vgg11: { channels: CHANNELS, convolutions: [1, 1, 2, 2, 2] },
    vgg13: { channels: CHANNELS, convolutions: [2, 2, 2, 2, 2] },
    vgg16: { channels: CHANNELS, convolutions: [2, 2, 3, 3, 3] },
    vgg19: { channels: CHANNELS, convolutions: [2, 2, 4, 4, 4] },
  },
  sizeMultiple: () => VGG_SIZE_MULTIPLE,
  outline,
});
