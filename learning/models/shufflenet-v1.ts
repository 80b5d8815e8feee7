/**
 * ShuffleNet (Zhang et al., CVPR 2018; arXiv:1707.01083) for small images, as RepDistiller defines
 * it: units of a 1 × 1 convolution in groups, a shuffle of the groups, a depthwise 3 × 3 (with a ReLU
 * behind it, where the paper has none) and another 1 × 1 in groups.
 */
import type { ShuffleNetV1Settings, UnitShape } from '../../study/models/shufflenet-v1.ts';
import { tf } from '../engine/backend.ts';
import type { Body, Builder, Context } from '../engine/builder.ts';
import { shuffleChannels } from '../engine/grouped.ts';
import { activate, convolutionNorm, linear } from '../engine/layers.ts';
import { averagePool } from '../engine/pooling.ts';
import { requireDivisible } from './options.ts';
import { stagedBody, type Block } from './stages.ts';

type UnitOptions = UnitShape & {
  readonly name: string;
  /** Height and width of the input map. */
  readonly size: number;
  /** Of the second 1 × 1 convolution. */
  readonly lastGroups: number;
};

function buildUnit(builder: Builder, options: UnitOptions): Block {
  const { name, size, inputs, outputs, hidden, stride, groups, lastGroups } = options;
  const uniform = { role: 'body', initial: 'uniform' } as const;
  const first = convolutionNorm(builder, {
    ...uniform,
    ...{ name: `${name}/conv1`, inputs, outputs: hidden, kernelSize: 1, stride: 1, size, groups },
  });
  const second = convolutionNorm(builder, {
    ...uniform,
    ...{ name: `${name}/conv2`, inputs: hidden, outputs: hidden, kernelSize: 3, stride, size },
    groups: hidden,
  });
  const third = convolutionNorm(builder, {
    ...uniform,
    ...{ name: `${name}/conv3`, inputs: hidden, outputs, kernelSize: 1, stride: 1 },
    ...{ size: size / stride, groups: lastGroups },
  });
  const branch = (x: tf.Tensor4D, context: Context): tf.Tensor4D => {
    const mixed = shuffleChannels(first.rectified(x, context), groups);
    return second.rectified(mixed, context);
  };
  if (stride === 1) return (x, context) => activate(third, branch(x, context), context, x);
  return (x, context) => {
    const { active, preActivation } = activate(third, branch(x, context), context);
    // Means of what a ReLU gave: none is below zero, so that another ReLU would change nothing.
    const pooled = averagePool(x);
    return {
      active: tf.concat([active, pooled], 3),
      ...(preActivation && { preActivation: tf.concat([preActivation, pooled], 3) }),
    };
  };
}

function buildStages(builder: Builder, settings: ShuffleNetV1Settings): Block[][] {
  const { stem, channels, units, groups } = settings;
  let size = builder.options.imageSize;
  let inputs = stem;
  return channels.map((total, stage) =>
    Array.from({ length: units[stage] ?? 0 }, (_, index) => {
      const stride = index === 0 ? 2 : 1;
      const outputs = index === 0 ? total - inputs : total;
      const unit = buildUnit(builder, {
        ...{ name: `stage${stage + 1}/unit${index + 1}`, size, inputs, outputs, stride },
        hidden: Math.floor(outputs / 4),
        groups: stage === 0 && index === 0 ? 1 : groups,
        lastGroups: groups,
      });
      size /= stride;
      inputs = total;
      return unit;
    }),
  );
}

/** Builds a ShuffleNet. Features: f0 stem, f1–f3 ends of the stages, f4 pooled. */
export function buildShuffleNetV1(builder: Builder, settings: ShuffleNetV1Settings): Body {
  const { imageSize, classes } = builder.options;
  requireDivisible('imageSize', imageSize, 2 ** settings.channels.length);
  const stem = convolutionNorm(builder, {
    ...{ name: 'stem', inputs: 3, outputs: settings.stem, kernelSize: 1, stride: 1 },
    ...{ size: imageSize, role: 'stem', initial: 'uniform' },
  });
  const stages = buildStages(builder, settings);
  const classifier = linear(builder, {
    ...{ name: 'classifier', inputs: settings.channels.at(-1) ?? settings.stem },
    ...{ outputs: classes, bias: 'uniform' },
  });
  return stagedBody(stem, stages, classifier);
}
