import { familyOf, stagedFeatures, type LayerShape, type Outline, type Sizes } from './family.ts';
import { preActivationLayers } from './residual.ts';

/** Wide residual networks (Zagoruyko & Komodakis, BMVC 2016; arXiv:1605.07146) for CIFAR. */
export type WideResNetSettings = {
  /** 6n + 4 with n blocks per stage. */
  readonly depth: number;
  readonly stem: number;
  readonly stages: readonly [number, number, number];
};

/** Channels of the stages at width factor w. */
function widened(factor: number): Pick<WideResNetSettings, 'stem' | 'stages'> {
  return { stem: 16, stages: [16 * factor, 32 * factor, 64 * factor] };
}

function outline({ depth, stem, stages }: WideResNetSettings, sizes: Sizes): Outline {
  const { imageSize, classes } = sizes;
  const layers: LayerShape[] = [{ size: imageSize, kernelSize: 3, inputs: 3, outputs: stem }];
  let inputs = stem;
  let size = imageSize;
  for (const [stage, outputs] of stages.entries()) {
    for (let block = 0; block < (depth - 4) / 6; block += 1) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      layers.push(...preActivationLayers({ size, stride, inputs, outputs }));
      size /= stride;
      inputs = outputs;
    }
  }
  layers.push({ size: 1, kernelSize: 1, inputs: stages[2], outputs: classes });
  return { features: stagedFeatures(stem, stages, imageSize), layers };
}

export const WIDE_RESNETS = familyOf({
  family: 'wide-resnet',
  models: {
    wrn_16_1: { depth: 16, ...widened(1) },
    wrn_16_2: { depth: 16, ...widened(2) },
    wrn_40_1: { depth: 40, ...widened(1) },
    wrn_40_2: { depth: 40, ...widened(2) },
  },
  sizeMultiple: () => 4,
  outline,
});
