import { familyOf, type LayerShape, type Outline, type Sizes } from './family.ts';
import { halvedFeatures, pointwiseLayer } from './shufflenet.ts';

/**
 * ShuffleNet (Zhang et al., CVPR 2018; arXiv:1707.01083) for small images as RepDistiller defines it:
 * a 1 × 1 stem and no pooling behind it.
 */
export type ShuffleNetV1Settings = {
  readonly stem: number;
  /** Channels of each stage. */
  readonly channels: readonly number[];
  /** Units of each stage; the first one halves the map. */
  readonly units: readonly number[];
  /** Groups of the 1 × 1 convolutions, but for the first of the first unit. */
  readonly groups: number;
};

/** What one unit adds to its stage, and what lies between its convolutions. */
export type UnitShape = {
  readonly inputs: number;
  /** Channels of its branch: a first unit gives them beside its pooled inputs. */
  readonly outputs: number;
  readonly hidden: number;
  readonly stride: number;
  /** Of its first 1 × 1 convolution. */
  readonly groups: number;
};

function unitLayers(size: number, unit: UnitShape, groups: number): LayerShape[] {
  const { inputs, outputs, hidden, stride } = unit;
  const after = size / stride;
  return [
    pointwiseLayer(size, inputs, hidden, unit.groups),
    { size: after, kernelSize: 3, inputs: 1, outputs: hidden },
    pointwiseLayer(after, hidden, outputs, groups),
  ];
}

function outline(settings: ShuffleNetV1Settings, { imageSize, classes }: Sizes): Outline {
  const { stem, channels, units, groups } = settings;
  const layers = [pointwiseLayer(imageSize, 3, stem)];
  let size = imageSize;
  let inputs = stem;
  for (const [stage, total] of channels.entries()) {
    for (let index = 0; index < (units[stage] ?? 0); index += 1) {
      const stride = index === 0 ? 2 : 1;
      const outputs = index === 0 ? total - inputs : total;
      const hidden = Math.floor(outputs / 4);
      const first = stage === 0 && index === 0 ? 1 : groups;
      layers.push(...unitLayers(size, { inputs, outputs, hidden, stride, groups: first }, groups));
      size /= stride;
      inputs = total;
    }
  }
  layers.push(pointwiseLayer(1, inputs, classes));
  return { features: { ...halvedFeatures(imageSize, stem, channels), embedding: inputs }, layers };
}

export const SHUFFLENETS_V1 = familyOf({
  family: 'shufflenet-v1',
  models: {
    shufflenetv1: { stem: 24, channels: [240, 480, 960], units: [4, 8, 4], groups: 3 },
  },
  sizeMultiple: () => 8,
  outline,
});
