import { familyOf, type LayerShape, type Outline, type Sizes } from './family.ts';
import { halvedFeatures, pointwiseLayer } from './shufflenet.ts';

/**
 * ShuffleNet V2 (Ma et al., ECCV 2018; arXiv:1807.11164) for small images as RepDistiller defines it:
 * a 1 × 1 stem and no pooling behind it.
 */
export type ShuffleNetV2Settings = {
  readonly stem: number;
  /** Channels of each stage. */
  readonly channels: readonly number[];
  /** Units of each stage; the first one halves the map. */
  readonly units: readonly number[];
  /** Channels of the last 1 × 1 convolution. */
  readonly last: number;
};

const PUBLISHED = { stem: 24, units: [4, 8, 4], last: 1024 } as const;

/** 1 × 1, depthwise 3 × 3 and 1 × 1 convolutions. */
function branchLayers(size: number, stride: number, inputs: number, half: number): LayerShape[] {
  return [
    pointwiseLayer(size, inputs, half),
    { size: size / stride, kernelSize: 3, inputs: 1, outputs: half },
    pointwiseLayer(size / stride, half, half),
  ];
}

/** Both branches of a unit that halves the map. */
function halvingLayers(size: number, inputs: number, half: number): LayerShape[] {
  return [
    { size: size / 2, kernelSize: 3, inputs: 1, outputs: inputs },
    pointwiseLayer(size / 2, inputs, half),
    ...branchLayers(size, 2, inputs, half),
  ];
}

function outline(settings: ShuffleNetV2Settings, { imageSize, classes }: Sizes): Outline {
  const { stem, channels, units, last } = settings;
  const layers = [pointwiseLayer(imageSize, 3, stem)];
  let size = imageSize;
  let inputs = stem;
  for (const [stage, outputs] of channels.entries()) {
    const half = outputs / 2;
    layers.push(...halvingLayers(size, inputs, half));
    size /= 2;
    inputs = outputs;
    for (let index = 1; index < (units[stage] ?? 0); index += 1) {
      layers.push(...branchLayers(size, 1, half, half));
    }
  }
  layers.push(pointwiseLayer(size, inputs, last), pointwiseLayer(1, last, classes));
  return { features: { ...halvedFeatures(imageSize, stem, channels), embedding: last }, layers };
}

export const SHUFFLENETS_V2 = familyOf({
  family: 'shufflenet-v2',
  models: {
    shufflenetv2: { ...PUBLISHED, channels: [116, 232, 464] },
    shufflenetv2_x1_5: { ...PUBLISHED, channels: [176, 352, 704] },
  },
  sizeMultiple: () => 8,
  outline,
});
