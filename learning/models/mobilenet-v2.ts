/**
 * MobileNetV2 (Sandler et al., CVPR 2018; arXiv:1801.04381) for small images, as RepDistiller defines
 * it: inverted residual blocks of a 1 × 1 convolution that widens (also where the factor is 1), a
 * depthwise 3 × 3 and a 1 × 1 that narrows without ReLU; plain ReLU, where the paper bounds it by 6.
 */
import type { InvertedGroup, MobileNetV2Settings } from '../../study/models/mobilenet-v2.ts';
import { tf } from '../engine/backend.ts';
import type { Body, Builder } from '../engine/builder.ts';
import { convolutionNorm, linear, type Layer } from '../engine/layers.ts';
import type { Affine, Forward } from '../engine/network.ts';
import { globalAveragePool } from '../engine/pooling.ts';
import { requireDivisible } from './options.ts';

const SIZE_MULTIPLE = 16;

type BlockOptions = {
  readonly name: string;
  readonly inputs: number;
  readonly hidden: number;
  readonly outputs: number;
  readonly stride: number;
  /** Height and width of the input map. */
  readonly size: number;
};

/** A block, and the batch norm at its end. */
type Block = { readonly layer: Layer; readonly affine?: Affine };

function invertedResidual(builder: Builder, options: BlockOptions): Block {
  const { name, inputs, hidden, outputs, stride, size } = options;
  const pointwise = { kernelSize: 1, stride: 1, role: 'body' } as const;
  const widen = convolutionNorm(builder, {
    ...pointwise,
    ...{ name: `${name}/expand`, inputs, outputs: hidden, size },
  });
  const middle = convolutionNorm(builder, {
    ...{ name: `${name}/depthwise`, inputs: hidden, outputs: hidden, groups: hidden },
    ...{ kernelSize: 3, stride, size, role: 'body' },
  });
  const narrow = convolutionNorm(builder, {
    ...pointwise,
    ...{ name: `${name}/project`, inputs: hidden, outputs, size: size / stride },
  });
  const isResidual = stride === 1 && inputs === outputs;
  const layer: Layer = (x, context) => {
    const inner = middle.rectified(widen.rectified(x, context), context);
    const projected = narrow.bare(inner, context);
    return isResidual ? tf.add(x, projected) : projected;
  };
  return { layer, ...(narrow.affine && { affine: narrow.affine }) };
}

/** The blocks of every group, and the size of the last map. */
function buildGroups(
  builder: Builder,
  stem: number,
  groups: readonly InvertedGroup[],
): { readonly groups: readonly (readonly Block[])[]; readonly size: number } {
  let inputs = stem;
  let size = builder.options.imageSize / 2;
  const built = groups.map(({ expansion, outputs, blocks, stride: first }, group) =>
    Array.from({ length: blocks }, (_, index) => {
      const stride = index === 0 ? first : 1;
      const name = `group${group + 1}/block${index + 1}`;
      const hidden = inputs * expansion;
      const block = invertedResidual(builder, { name, inputs, hidden, outputs, stride, size });
      inputs = outputs;
      size /= stride;
      return block;
    }),
  );
  return { groups: built, size };
}

/**
 * Builds a MobileNetV2. Features: f0 the stem, f1–f4 what the groups that are read give (no ReLU
 * follows there, so they are their own pre-activations), f5 pooled.
 */
export function buildMobileNetV2(builder: Builder, settings: MobileNetV2Settings): Body {
  const { imageSize, classes } = builder.options;
  requireDivisible('imageSize', imageSize, SIZE_MULTIPLE);
  const stem = convolutionNorm(builder, {
    ...{ name: 'stem', inputs: 3, outputs: settings.stem, kernelSize: 3, stride: 2 },
    ...{ size: imageSize, role: 'stem' },
  });
  const { groups, size } = buildGroups(builder, settings.stem, settings.groups);
  const last = convolutionNorm(builder, {
    ...{ name: 'last', inputs: settings.groups.at(-1)?.outputs ?? settings.stem },
    ...{ outputs: settings.last, kernelSize: 1, stride: 1, size, role: 'body' },
  });
  const classifier = linear(builder, {
    ...{ name: 'classifier', inputs: settings.last, outputs: classes },
    ...{ kernel: 'normal', bias: 'zero' },
  });

  const isRead = (_: unknown, index: number): boolean => settings.read.includes(index + 1);
  const norms = groups.filter(isRead).flatMap((group) => group.at(-1)?.affine ?? []);

  return (images, context): Forward => {
    const stemmed = stem.rectified(images, context);
    let x = stemmed;
    const ends = groups.map((group) => {
      for (const { layer } of group) x = layer(x, context);
      return x;
    });
    const maps = ends.filter(isRead);
    const lastMap = last.rectified(x, context);
    const pooled = globalAveragePool(lastMap);
    return {
      logits: classifier(pooled),
      features: [stemmed, ...maps, pooled],
      ...(context.keepsPreActivations === true
        ? { preActivations: maps, norms }
        : { preActivations: [] }),
      ...{ lastMap, pooled },
      classify: classifier,
    };
  };
}
