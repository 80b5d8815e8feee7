/**
 * ShuffleNet V2 (Ma et al., ECCV 2018; arXiv:1807.11164) for small images, as RepDistiller defines
 * it: a unit changes one half of its channels and shuffles both; a unit that halves the map changes
 * all of them in two branches.
 */
import type { ShuffleNetV2Settings } from '../../study/models/shufflenet-v2.ts';
import { tf } from '../engine/backend.ts';
import type { Body, Builder, Context } from '../engine/builder.ts';
import { shuffleChannels } from '../engine/grouped.ts';
import { activate, convolutionNorm, linear, type ConvolutionOptions } from '../engine/layers.ts';
import type { Forward } from '../engine/network.ts';
import { globalAveragePool } from '../engine/pooling.ts';
import { requireDivisible } from './options.ts';

type Activated = ReturnType<typeof activate>;
type Unit = (x: tf.Tensor4D, context: Context) => Activated;

type BranchOptions = {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly stride: number;
  /** Height and width of the input map. */
  readonly size: number;
};

const HALVES = 2;
const UNIFORM = { role: 'body', initial: 'uniform' } as const;

type Place = Pick<ConvolutionOptions, 'name' | 'inputs' | 'outputs' | 'size'>;

function pointwise(builder: Builder, place: Place) {
  return convolutionNorm(builder, { ...UNIFORM, ...place, kernelSize: 1, stride: 1 });
}

function depthwise(builder: Builder, place: Omit<Place, 'outputs'>, stride: number) {
  const { inputs } = place;
  const channels = { outputs: inputs, groups: inputs };
  return convolutionNorm(builder, { ...UNIFORM, ...place, ...channels, kernelSize: 3, stride });
}

/** 1 × 1, depthwise 3 × 3 with the stride, and 1 × 1 convolutions. */
function mainBranch(builder: Builder, options: BranchOptions): Unit {
  const { name, inputs, outputs, stride, size } = options;
  const first = pointwise(builder, { name: `${name}/conv1`, inputs, outputs, size });
  const second = depthwise(builder, { name: `${name}/conv2`, inputs: outputs, size }, stride);
  const after = { inputs: outputs, outputs, size: size / stride };
  const third = pointwise(builder, { name: `${name}/conv3`, ...after });
  return (x, context) => {
    const inner = second.bare(first.rectified(x, context), context);
    return activate(third, inner, context);
  };
}

/** Depthwise 3 × 3 with the stride and 1 × 1 convolutions. */
function sideBranch(builder: Builder, options: BranchOptions): Unit {
  const { name, inputs, outputs, stride, size } = options;
  const first = depthwise(builder, { name: `${name}/conv1`, inputs, size }, stride);
  const after = { inputs, outputs, size: size / stride };
  const second = pointwise(builder, { name: `${name}/conv2`, ...after });
  return (x, context) => activate(second, first.bare(x, context), context);
}

function join(first: tf.Tensor4D, second: tf.Tensor4D): tf.Tensor4D {
  return shuffleChannels(tf.concat([first, second], 3), HALVES);
}

/** Both halves after one another, then shuffled; what ReLU read of each where the pass keeps it. */
function joinActivated(first: Activated, second: Activated): Activated {
  const before = second.preActivation;
  return {
    active: join(first.active, second.active),
    ...(before && { preActivation: join(first.preActivation ?? first.active, before) }),
  };
}

/** A unit of which the first half of the channels passes by. */
function basicUnit(builder: Builder, options: BranchOptions): Unit {
  const half = { inputs: options.inputs / HALVES, outputs: options.outputs / HALVES };
  const branch = mainBranch(builder, { ...options, ...half });
  return (x, context) => {
    const [kept, changed] = tf.split(x, HALVES, 3) as [tf.Tensor4D, tf.Tensor4D];
    return joinActivated({ active: kept }, branch(changed, context));
  };
}

function halvingUnit(builder: Builder, options: BranchOptions): Unit {
  const { name } = options;
  const half = { ...options, outputs: options.outputs / HALVES };
  const side = sideBranch(builder, { ...half, name: `${name}/side` });
  const main = mainBranch(builder, { ...half, name: `${name}/main` });
  return (x, context) => joinActivated(side(x, context), main(x, context));
}

function buildStages(builder: Builder, settings: ShuffleNetV2Settings): Unit[][] {
  const { stem, channels, units } = settings;
  let size = builder.options.imageSize;
  let inputs = stem;
  return channels.map((outputs, stage) =>
    Array.from({ length: units[stage] ?? 0 }, (_, index) => {
      const stride = index === 0 ? 2 : 1;
      const name = `stage${stage + 1}/unit${index + 1}`;
      const build = index === 0 ? halvingUnit : basicUnit;
      const unit = build(builder, { name, inputs, outputs, stride, size });
      inputs = outputs;
      size /= stride;
      return unit;
    }),
  );
}

/** Builds a ShuffleNet V2. Features: f0 stem, f1–f3 ends of the stages, f4 pooled. */
export function buildShuffleNetV2(builder: Builder, settings: ShuffleNetV2Settings): Body {
  const { imageSize, classes } = builder.options;
  const { channels, last: width } = settings;
  requireDivisible('imageSize', imageSize, 2 ** channels.length);
  const stem = convolutionNorm(builder, {
    ...{ name: 'stem', inputs: 3, outputs: settings.stem, kernelSize: 1, stride: 1 },
    ...{ size: imageSize, role: 'stem', initial: 'uniform' },
  });
  const stages = buildStages(builder, settings);
  const end = { inputs: channels.at(-1) ?? settings.stem, size: imageSize / 2 ** channels.length };
  const last = pointwise(builder, { name: 'last', outputs: width, ...end });
  const linearOptions = { name: 'classifier', inputs: width, outputs: classes } as const;
  const classifier = linear(builder, { ...linearOptions, bias: 'uniform' });

  return (images, context): Forward => {
    let x = stem.rectified(images, context);
    const features: tf.Tensor[] = [x];
    const preActivations: tf.Tensor4D[] = [];
    for (const stage of stages) {
      let preActivation: tf.Tensor4D | undefined;
      for (const unit of stage) ({ active: x, preActivation } = unit(x, context));
      features.push(x);
      if (preActivation !== undefined) preActivations.push(preActivation);
    }
    const pooled = globalAveragePool(last.rectified(x, context));
    return {
      logits: classifier(pooled),
      features: [...features, pooled],
      preActivations,
      pooled,
    };
  };
}
