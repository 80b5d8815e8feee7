import {
  familyOf,
  squareMap,
  type LayerShape,
  type MapShape,
  type Outline,
  type Sizes,
} from './family.ts';

/** Inverted residual blocks that are alike, but that the first one has the stride. */
export type InvertedGroup = {
  /** Channels of the depthwise convolution for each input channel. */
  readonly expansion: number;
  readonly outputs: number;
  readonly blocks: number;
  readonly stride: number;
};

/**
 * MobileNetV2 (Sandler et al., CVPR 2018; arXiv:1801.04381) for small images as RepDistiller defines
 * it: the second group keeps the size of the map, and ReLU has no upper bound.
 */
export type MobileNetV2Settings = {
  readonly stem: number;
  readonly groups: readonly InvertedGroup[];
  /** Groups, counted from 1, whose outputs are the features f1, f2, … */
  readonly read: readonly number[];
  /** Channels of the last 1 × 1 convolution, whatever the width. */
  readonly last: number;
};

const PUBLISHED = [
  { expansion: 1, outputs: 16, blocks: 1, stride: 1 },
  { expansion: 6, outputs: 24, blocks: 2, stride: 1 },
  { expansion: 6, outputs: 32, blocks: 3, stride: 2 },
  { expansion: 6, outputs: 64, blocks: 4, stride: 2 },
  { expansion: 6, outputs: 96, blocks: 3, stride: 1 },
  { expansion: 6, outputs: 160, blocks: 3, stride: 2 },
  { expansion: 6, outputs: 320, blocks: 1, stride: 1 },
];

/** The published network with a share of its channels. */
function narrowed(width: number): MobileNetV2Settings {
  return {
    stem: Math.floor(32 * width),
    groups: PUBLISHED.map((group) => ({ ...group, outputs: Math.floor(group.outputs * width) })),
    read: [2, 3, 5, 7],
    last: 1280,
  };
}

function blockLayers(size: number, stride: number, inputs: number, group: InvertedGroup) {
  const hidden = inputs * group.expansion;
  const after = size / stride;
  return [
    { size, kernelSize: 1, inputs, outputs: hidden },
    { size: after, kernelSize: 3, inputs: 1, outputs: hidden },
    { size: after, kernelSize: 1, inputs: hidden, outputs: group.outputs },
  ];
}

function outline({ stem, groups, read, last }: MobileNetV2Settings, sizes: Sizes): Outline {
  let size = sizes.imageSize / 2;
  let inputs = stem;
  const layers: LayerShape[] = [{ size, kernelSize: 3, inputs: 3, outputs: stem }];
  const maps: MapShape[] = [squareMap(size, stem)];
  for (const [index, group] of groups.entries()) {
    for (let block = 0; block < group.blocks; block += 1) {
      const stride = block === 0 ? group.stride : 1;
      layers.push(...blockLayers(size, stride, inputs, group));
      size /= stride;
      inputs = group.outputs;
    }
    if (read.includes(index + 1)) maps.push(squareMap(size, inputs));
  }
  layers.push({ size, kernelSize: 1, inputs, outputs: last });
  layers.push({ size: 1, kernelSize: 1, inputs: last, outputs: sizes.classes });
  return { features: { maps, embedding: last }, layers };
}

export const MOBILENETS_V2 = familyOf({
  family: 'mobilenet-v2',
  models: { mobilenetv2: narrowed(0.5) },
  sizeMultiple: () => 16,
  outline,
});
