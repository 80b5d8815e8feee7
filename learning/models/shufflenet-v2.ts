/**
 * ShuffleNet V2 (Ma et al., ECCV 2018; arXiv:1807.11164) for small images, as RepDistiller defines
 * it: a unit changes one half of its channels and shuffles both; a unit that halves the map changes
 * all of them in two branches.
 */
import type { ShuffleNetV2Settings } from '../../study/models/shufflenet-v2.ts';
import { tf } from '../engine/backend.ts';
import type { Body, Builder, Context } from '../engine/builder.ts';
import { shuffleChannels } from '../engine/grouped.ts';
import {
  activate,
  convolutionNorm,
  linear,
  type Activated,
  type ConvolutionOptions,
} from '../engine/layers.ts';
import type { Affine, Forward } from '../engine/network.ts';
import { globalAveragePool } from '../engine/pooling.ts';
import { requireDivisible } from './options.ts';

type Unit = (x: Activated, context: Context) => Activated;
type Branch = (x: tf.Tensor4D, context: Context) => Activated;

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
function mainBranch(builder: Builder, options: BranchOptions): Branch {
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
function sideBranch(builder: Builder, options: BranchOptions): Branch {
  const { name, inputs, outputs, stride, size } = options;
  const first = depthwise(builder, { name: `${name}/conv1`, inputs, size }, stride);
  const after = { inputs, outputs, size: size / stride };
  const second = pointwise(builder, { name: `${name}/conv2`, ...after });
  return (x, context) => activate(second, first.bare(x, context), context);
}

function join(first: tf.Tensor4D, second: tf.Tensor4D): tf.Tensor4D {
  return shuffleChannels(tf.concat([first, second], 3), HALVES);
}

/** The norms of two halves, in the order of the shuffled channels. */
function joinAffine(first: Affine, second: Affine): Affine {
  const joined = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => {
    const [one, two] = [a, b].map((values) => tf.reshape<tf.Rank.R4>(values, [1, 1, 1, -1]));
    return tf.reshape(join(one as tf.Tensor4D, two as tf.Tensor4D), [-1]);
  };
  return {
    gamma: joined(first.gamma, second.gamma),
    beta: joined(first.beta, second.beta),
  };
}

/** Both halves after one another, then shuffled; what ReLU read of each where the pass keeps it. */
function joinActivated(first: Activated, second: Activated): Activated {
  const before = second.preActivation;
  const { affine } = second;
  return {
    active: join(first.active, second.active),
    ...(before && { preActivation: join(first.preActivation ?? first.active, before) }),
    ...(affine && first.affine && { affine: joinAffine(first.affine, affine) }),
  };
}

/** The first half of the channels, which a unit passes by; the norm that they came from stays theirs. */
function firstHalf(kept: tf.Tensor4D, { affine }: Activated): Activated {
  if (affine === undefined) return { active: kept };
  const half = (values: tf.Tensor): tf.Tensor => tf.slice(values, 0, kept.shape[3]);
  return { active: kept, affine: { gamma: half(affine.gamma), beta: half(affine.beta) } };
}

function basicUnit(builder: Builder, options: BranchOptions): Unit {
  const half = { inputs: options.inputs / HALVES, outputs: options.outputs / HALVES };
  const branch = mainBranch(builder, { ...options, ...half });
  return (x, context) => {
    const [kept, changed] = tf.split(x.active, HALVES, 3) as [tf.Tensor4D, tf.Tensor4D];
    return joinActivated(firstHalf(kept, x), branch(changed, context));
  };
}

function halvingUnit(builder: Builder, options: BranchOptions): Unit {
  const { name } = options;
  const half = { ...options, outputs: options.outputs / HALVES };
  const side = sideBranch(builder, { ...half, name: `${name}/side` });
  const main = mainBranch(builder, { ...half, name: `${name}/main` });
  return ({ active }, context) => joinActivated(side(active, context), main(active, context));
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
    let x: Activated = { active: stem.rectified(images, context) };
    const features: tf.Tensor[] = [x.active];
    const preActivations: tf.Tensor4D[] = [];
    const norms: Affine[] = [];
    for (const stage of stages) {
      for (const unit of stage) x = unit(x, context);
      features.push(x.active);
      if (x.preActivation !== undefined) preActivations.push(x.preActivation);
      if (x.affine !== undefined) norms.push(x.affine);
    }
    const lastMap = last.rectified(x.active, context);
    const pooled = globalAveragePool(lastMap);
    return {
      logits: classifier(pooled),
      features: [...features, pooled],
      ...{ preActivations, norms, pooled, lastMap },
      classify: classifier,
    };
  };
}
