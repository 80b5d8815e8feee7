import {
  familyOf,
  type LayerShape,
  type ModelOptions,
  type Outline,
  type Sizes,
} from './family.ts';

/** The tree of experts of KDExplainer (Xue et al., IJCAI 2021; arXiv:2105.04181). */
export type ExplainerSettings = {
  /** Channels of an expert; those of the last level have half of them. */
  readonly width: number;
  /** Experts of every level. */
  readonly experts: readonly number[];
  /** Height and width that the last map is pooled to, whatever its size. */
  readonly pooledSize: number;
  /** Neurons of both hidden layers of a head; there is one head a class. */
  readonly hidden: number;
};

const PUBLISHED = { width: 64, experts: [2, 4, 8] };

function expertLayers(size: number, inputs: number, hidden: number, outputs: number): LayerShape[] {
  return [
    { size, kernelSize: 3, inputs, outputs: hidden },
    { size, kernelSize: 3, inputs: hidden, outputs },
  ];
}

function outline(
  settings: ExplainerSettings,
  { imageSize, classes }: Sizes,
  { width = settings.width, experts = settings.experts, heads: of = 'single' }: ModelOptions,
): Outline {
  const { pooledSize, hidden } = settings;
  const lastWidth = width / 2;
  const levels = experts.flatMap((count, level) => {
    const outputs = level === experts.length - 1 ? lastWidth : width;
    const layers = expertLayers(imageSize / 2 ** level, level === 0 ? 3 : width, width, outputs);
    return Array.from({ length: count }, () => layers).flat();
  });
  const linear = (inputs: number, outputs: number): LayerShape => {
    return { size: 1, kernelSize: 1, inputs, outputs };
  };
  const head = [
    linear(lastWidth * pooledSize ** 2, hidden),
    linear(hidden, hidden),
    linear(hidden, of === 'single' ? 1 : 2),
  ];
  const heads = Array.from({ length: classes }, () => head).flat();
  return { features: { maps: [] }, layers: [...levels, ...heads] };
}

export const EXPLAINERS = familyOf({
  family: 'hme',
  models: { hme_ltb: { ...PUBLISHED, pooledSize: 7, hidden: 128 } },
  options: { ...PUBLISHED, heads: 'single' },
  isExplainer: true,
  sizeMultiple: ({ experts = PUBLISHED.experts }) => 2 ** experts.length,
  outline,
});
