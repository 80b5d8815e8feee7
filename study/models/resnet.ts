import { familyOf, stagedFeatures, type LayerShape, type Outline, type Sizes } from './family.ts';
import { basicLayers } from './residual.ts';

/**
 * CIFAR ResNets (He et al., CVPR 2016, §4.2; arXiv:1512.03385) as RepDistiller defines them. The
 * "×4" networks have four times the width, with a stem of 32.
 */
export type ResNetSettings = {
  /** 6n + 2 with n blocks per stage. */
  readonly depth: number;
  readonly stem: number;
  readonly stages: readonly [number, number, number];
};

const NARROW = { stem: 16, stages: [16, 32, 64] } as const;
const WIDE = { stem: 32, stages: [64, 128, 256] } as const;

function outline({ depth, stem, stages }: ResNetSettings, sizes: Sizes): Outline {
  const { imageSize, classes } = sizes;
  const layers: LayerShape[] = [{ size: imageSize, kernelSize: 3, inputs: 3, outputs: stem }];
  let inputs = stem;
  let size = imageSize;
  for (const [stage, outputs] of stages.entries()) {
    for (let block = 0; block < (depth - 2) / 6; block += 1) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      layers.push(...basicLayers({ size, stride, inputs, outputs }));
      size /= stride;
      inputs = outputs;
    }
  }
  layers.push({ size: 1, kernelSize: 1, inputs: stages[2], outputs: classes });
  return { features: stagedFeatures(stem, stages, imageSize), layers };
}

export const RESNETS = familyOf({
  family: 'resnet',
  models: {
    resnet8: { depth: 8, ...NARROW },
    resnet14: { depth: 14, ...NARROW },
    resnet20: { depth: 20, ...NARROW },
    resnet32: { depth: 32, ...NARROW },
    resnet44: { depth: 44, ...NARROW },
    resnet56: { depth: 56, ...NARROW },
    resnet110: { depth: 110, ...NARROW },
    resnet8x4: { depth: 8, ...WIDE },
    resnet32x4: { depth: 32, ...WIDE },
  },
  sizeMultiple: () => 4,
  outline,
});
