import { familyOf, stagedFeatures, type LayerShape, type Outline, type Sizes } from './family.ts';
import { basicLayers, bottleneckLayers } from './residual.ts';

/**
 * The ResNets that were published for ImageNet (He et al., CVPR 2016; arXiv:1512.03385), on small
 * images: a 3 × 3 stem of stride 1, and no pooling behind it.
 */
export type ImageNetResNetSettings = {
  readonly stem: number;
  /** Channels of the 3 × 3 convolutions of each stage. */
  readonly widths: readonly number[];
  /** Blocks of each stage. */
  readonly blocks: readonly number[];
  /** Outputs of a block for each of those channels: 1 in basic blocks, more in bottlenecks. */
  readonly expansion: number;
};

const PUBLISHED = { stem: 64, widths: [64, 128, 256, 512] } as const;

function outline(settings: ImageNetResNetSettings, { imageSize, classes }: Sizes): Outline {
  const { stem, widths, blocks, expansion } = settings;
  const layers: LayerShape[] = [{ size: imageSize, kernelSize: 3, inputs: 3, outputs: stem }];
  let inputs = stem;
  let size = imageSize;
  for (const [stage, width] of widths.entries()) {
    for (let block = 0; block < (blocks[stage] ?? 0); block += 1) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const shape = { size, stride, inputs, outputs: width * expansion };
      layers.push(
        ...(expansion === 1 ? basicLayers(shape) : bottleneckLayers({ ...shape, width })),
      );
      size /= stride;
      inputs = shape.outputs;
    }
  }
  layers.push({ size: 1, kernelSize: 1, inputs, outputs: classes });
  const stages = widths.map((width) => width * expansion);
  return { features: stagedFeatures(stem, stages, imageSize), layers };
}

export const IMAGENET_RESNETS = familyOf({
  family: 'imagenet-resnet',
  models: {
    resnet18: { ...PUBLISHED, blocks: [2, 2, 2, 2], expansion: 1 },
    resnet34: { ...PUBLISHED, blocks: [3, 4, 6, 3], expansion: 1 },
    resnet50: { ...PUBLISHED, blocks: [3, 4, 6, 3], expansion: 4 },
  },
  sizeMultiple: () => 8,
  outline,
});
