import { familyOf, type LayerShape, type Outline, type Sizes } from './family.ts';
import { preActivationLayers } from './residual.ts';

/**
 * The explainer as the figure of KDExplainer (Xue et al., IJCAI 2021; arXiv:2105.04181) shows it,
 * built from a wide residual network: its stem and first stage are shared, each later stage is split
 * into narrow experts. A reconstruction of ours: the figure and a description are all that is public.
 */
export type PaperExplainerSettings = {
  /** Blocks of every stage. */
  readonly blocks: number;
  readonly stem: number;
  /** Channels of the shared first stage. */
  readonly shared: number;
  /** Channels of an expert, by level. */
  readonly widths: readonly number[];
  /** Experts of every level. */
  readonly experts: readonly number[];
};

const EXPERTS = 4;
const LEAST_WIDTH = 8;

/** The stages of a wide residual network split up; `depth` is 6n + 4 with n blocks per stage. */
function splitUp(depth: number, [shared, ...later]: readonly [number, ...number[]]) {
  return {
    blocks: (depth - 4) / 6,
    stem: 16,
    shared,
    widths: later.map((channels) => Math.max(LEAST_WIDTH, channels / EXPERTS)),
    experts: later.map(() => EXPERTS),
  };
}

function stageLayers(
  blocks: number,
  size: number,
  stride: number,
  inputs: number,
  outputs: number,
): LayerShape[] {
  return Array.from({ length: blocks }, (_, block) =>
    block === 0
      ? preActivationLayers({ size, stride, inputs, outputs })
      : preActivationLayers({ size: size / stride, stride: 1, inputs: outputs, outputs }),
  ).flat();
}

function outline(settings: PaperExplainerSettings, { imageSize, classes }: Sizes): Outline {
  const { blocks, stem, shared, widths, experts } = settings;
  const before = [
    { size: imageSize, kernelSize: 3, inputs: 3, outputs: stem },
    ...stageLayers(blocks, imageSize, 1, stem, shared),
  ];
  const levels = widths.flatMap((width, level) => {
    const inputs = level === 0 ? shared : (widths[level - 1] ?? shared);
    const layers = stageLayers(blocks, imageSize / 2 ** level, 2, inputs, width);
    return Array.from({ length: experts[level] ?? 0 }, () => layers).flat();
  });
  const head = { size: 1, kernelSize: 1, inputs: widths.at(-1) ?? shared, outputs: 2 };
  const heads = Array.from({ length: classes }, () => head);
  return { features: { maps: [] }, layers: [...before, ...levels, ...heads] };
}

export const PAPER_EXPLAINERS = familyOf({
  family: 'hme-paper',
  models: { hme_paper: splitUp(40, [16, 32, 64]) },
  isExplainer: true,
  sizeMultiple: () => 4,
  outline,
});
