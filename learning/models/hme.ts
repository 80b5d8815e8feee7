/**
 * The explainer of KDExplainer (Xue et al., IJCAI 2021; arXiv:2105.04181) as its public code builds
 * it: a hierarchical mixture of experts with 2, 4 and 8 experts and one head per class. Every expert
 * reads a mixture of the level below, weighed by its row of a gate; what the gates learn says which
 * experts a class needs. (The paper's figure shows a shared stem, equal levels and two-way heads;
 * the code has none of them.)
 *
 * Width and levels are parameters: the reference has experts of 64 channels with half of them in the
 * last level.
 */
import { KdxError } from '../../leg/errors.ts';
import type { ExplainerSettings } from '../../study/models/explainer.ts';
import type { tf } from '../engine/backend.ts';
import type { Body, Builder } from '../engine/builder.ts';
import type { Layer } from '../engine/layers.ts';
import { convolutionNorm } from '../engine/layers.ts';
import type { Forward } from '../engine/network.ts';
import { maxPool } from '../engine/pooling.ts';
import { requireDivisible } from './options.ts';
import { classHeads, flattenMap } from './explainer/heads.ts';
import { buildGates, runLevels } from './explainer/levels.ts';
import { expertName } from './explainer/route.ts';

type ExpertOptions = {
  readonly name: string;
  readonly inputs: number;
  readonly hidden: number;
  readonly outputs: number;
  readonly size: number;
  readonly isFirst: boolean;
};

/** Two biased 3 × 3 convolutions with batch norm and ReLU, and a 2 × 2 maximum. */
function expert(builder: Builder, options: ExpertOptions): Layer {
  const { name, inputs, hidden, outputs, size, isFirst } = options;
  const shared = { kernelSize: 3, stride: 1, size, biased: true } as const;
  const first = convolutionNorm(builder, {
    ...shared,
    name: `${name}/conv1`,
    inputs,
    outputs: hidden,
    role: isFirst ? 'stem' : 'body',
  });
  const second = convolutionNorm(builder, {
    ...shared,
    name: `${name}/conv2`,
    inputs: hidden,
    outputs,
    role: 'body',
  });
  return (x, context) => {
    const hidden = first.rectified(x, context);
    return maxPool(second.rectified(hidden, context));
  };
}

function buildLevels(builder: Builder, width: number, counts: readonly number[]): Layer[][] {
  return counts.map((count, index) => {
    const isLast = index === counts.length - 1;
    return Array.from({ length: count }, (_, position) =>
      expert(builder, {
        name: expertName(index + 1, position),
        inputs: index === 0 ? 3 : width,
        hidden: width,
        outputs: isLast ? width / 2 : width,
        size: builder.options.imageSize / 2 ** index,
        isFirst: index === 0,
      }),
    );
  });
}

function checkOptions(builder: Builder, width: number, counts: readonly number[]): void {
  const { imageSize, vam } = builder.options;
  requireDivisible('width', width, 2);
  if (counts.length === 0) {
    throw new KdxError('SpecInvalid', 'experts is []; allowed: the experts of at least one level.');
  }
  for (const [index, count] of counts.entries()) requireDivisible(`experts[${index}]`, count, 1);
  requireDivisible('imageSize', imageSize, 2 ** counts.length);
  if (vam !== undefined) {
    throw new KdxError('SpecInvalid', 'vam is set for hme_ltb; allowed: plain networks only.');
  }
}

/** Builds the explainer. Its pass returns gates and experts instead of a list of features. */
export function buildHme(builder: Builder, settings: ExplainerSettings): Body {
  const { width = settings.width, experts: counts = settings.experts, heads: of } = builder.options;
  checkOptions(builder, width, counts);
  const levels = buildLevels(builder, width, counts);
  const betas = buildGates(builder, counts);
  const heads = classHeads(builder, width / 2, {
    ...settings,
    ...(of === undefined ? {} : { of }),
  });

  return (images, context): Forward => {
    const summarise = (map: tf.Tensor4D): tf.Tensor2D => flattenMap(map, settings.pooledSize);
    const { read, ...seen } = runLevels({ levels, betas, summarise }, images, context);
    const logits = heads(read, context);
    return { logits, features: [], preActivations: [], ...seen };
  };
}
