/**
 * The explainer as the figure of KDExplainer (Xue et al., IJCAI 2021; arXiv:2105.04181) shows it: a
 * shared stem, levels of equally many narrow experts, and a two-way head for every class. A
 * reconstruction of ours from WRN-40-1, since no code of it is public: the stem and the first stage
 * are shared, each later stage is split into four experts of the same depth and a quarter of the
 * width (8 channels at least); an expert of the last level ends with batch norm and ReLU.
 */
import { KdxError } from '../../leg/errors.ts';
import type { PaperExplainerSettings } from '../../study/models/paper-explainer.ts';
import type { tf } from '../engine/backend.ts';
import type { Body, Builder, Context } from '../engine/builder.ts';
import { convolution, norm, type Layer } from '../engine/layers.ts';
import type { Forward } from '../engine/network.ts';
import { globalAveragePool } from '../engine/pooling.ts';
import { binaryHeads } from './explainer/heads.ts';
import { buildGates, runLevels } from './explainer/levels.ts';
import { expertName } from './explainer/route.ts';
import { requireDivisible } from './options.ts';
import { preActivationBlock } from './pre-activation.ts';

type StageOptions = {
  readonly name: string;
  readonly blocks: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: number;
  /** Height and width of the input map. */
  readonly size: number;
};

/** A stage of pre-activation blocks, of which the first has the stride. Gives their raw sum. */
function stage(builder: Builder, options: StageOptions): Layer {
  const { name, outputs, stride, size } = options;
  const blocks = Array.from({ length: options.blocks }, (_, index) => {
    const place = { name: `${name}/block${index + 1}`, outputs };
    return index === 0
      ? preActivationBlock(builder, { ...place, inputs: options.inputs, stride, size })
      : preActivationBlock(builder, {
          ...place,
          ...{ inputs: outputs, stride: 1, size: size / stride },
        });
  });
  return (x, context) => {
    let sum = x;
    for (const block of blocks) ({ sum } = block(sum, context));
    return sum;
  };
}

function activated(builder: Builder, body: Layer, name: string, channels: number): Layer {
  const last = norm(builder, `${name}/norm`, channels);
  return (x, context) => last.rectified(body(x, context), context);
}

function buildLevels(builder: Builder, settings: PaperExplainerSettings): Layer[][] {
  const { blocks, shared, widths, experts } = settings;
  return widths.map((outputs, level) =>
    Array.from({ length: experts[level] ?? 0 }, (_, position) => {
      const name = expertName(level + 1, position);
      const inputs = level === 0 ? shared : (widths[level - 1] ?? shared);
      const size = builder.options.imageSize / 2 ** level;
      const body = stage(builder, { name, blocks, inputs, outputs, stride: 2, size });
      return level + 1 < widths.length ? body : activated(builder, body, name, outputs);
    }),
  );
}

function checkOptions({ options }: Builder, levels: number): void {
  requireDivisible('imageSize', options.imageSize, 2 ** levels);
  for (const name of ['vam', 'width', 'experts', 'heads'] as const) {
    if (options[name] === undefined) continue;
    throw new KdxError('SpecInvalid', `${name} is set for hme_paper; allowed: none.`);
  }
}

/** Builds the explainer. Its pass returns gates and experts instead of a list of features. */
export function buildPaperExplainer(builder: Builder, settings: PaperExplainerSettings): Body {
  const { imageSize } = builder.options;
  const { blocks, stem: width, shared, widths, experts } = settings;
  checkOptions(builder, widths.length);
  const stem = convolution(builder, {
    ...{ name: 'stem', inputs: 3, outputs: width, kernelSize: 3, stride: 1, size: imageSize },
    role: 'stem',
  });
  const first = { name: 'shared', blocks, inputs: width, outputs: shared };
  const sharedStage = stage(builder, { ...first, stride: 1, size: imageSize });
  const levels = buildLevels(builder, settings);
  const betas = buildGates(builder, experts);
  const heads = binaryHeads(builder, widths.at(-1) ?? shared);

  return (images: tf.Tensor4D, context: Context): Forward => {
    const common = sharedStage(stem(images, context), context);
    // Means are linear: pooling before the mixture is pooling behind it.
    const gated = { levels, betas, summarise: globalAveragePool };
    const { read, ...seen } = runLevels(gated, common, context);
    return { logits: heads(read), features: [], preActivations: [], ...seen };
  };
}
