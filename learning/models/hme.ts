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
import { tf } from '../engine/backend.ts';
import type { Body, Builder, Context } from '../engine/builder.ts';
import type { Layer } from '../engine/layers.ts';
import { convolutionNorm } from '../engine/layers.ts';
import type { Forward } from '../engine/network.ts';
import { maxPool } from '../engine/pooling.ts';
import { requireDivisible } from './options.ts';
import { gateOf, liveExperts, mix } from './explainer/gates.ts';
import { classHeads, flattenMap } from './explainer/heads.ts';
import { expertName, gateName } from './explainer/route.ts';

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

/** β of every gate [consumers, experts], uniform in [0, 1) at the start. */
function buildGates(builder: Builder, counts: readonly number[]): tf.Tensor2D[] {
  return counts.map((experts, index) => {
    const consumers = counts[index + 1] ?? builder.options.classes;
    const initial = { kind: 'uniform', low: 0, high: 1 } as const;
    const shape = [consumers, experts];
    const beta = builder.parameter(gateName(index + 2), shape, initial, 'gates');
    return beta as unknown as tf.Tensor2D;
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

type Selected = readonly (tf.Tensor | undefined)[];

/**
 * What the consumers of a gate read: [consumers, …]. With a route the parent itself, else the
 * mixture of all experts.
 */
function consume(gate: tf.Tensor2D, outputs: Selected, parents?: readonly number[]): tf.Tensor {
  if (parents === undefined) return mix(gate, outputs as tf.Tensor[]);
  return tf.stack(parents.map((parent) => outputs[parent] as tf.Tensor));
}

/** Inputs of the next level's experts; `undefined` for those the route leaves out. */
function nextInputs(
  gate: tf.Tensor2D,
  outputs: readonly (tf.Tensor4D | undefined)[],
  parents?: readonly number[],
): (tf.Tensor4D | undefined)[] {
  if (parents !== undefined) return parents.map((parent) => outputs[parent]);
  return tf.unstack(consume(gate, outputs)) as tf.Tensor4D[];
}

/** Builds the explainer. Its pass returns gates and experts instead of a list of features. */
export function buildHme(builder: Builder, settings: ExplainerSettings): Body {
  const { width = settings.width, experts: counts = settings.experts } = builder.options;
  checkOptions(builder, width, counts);
  const levels = buildLevels(builder, width, counts);
  const betas = buildGates(builder, counts);
  const heads = classHeads(builder, width / 2, settings);

  return (images, context): Forward => {
    const { route } = context;
    const live = route === undefined ? undefined : liveExperts(route);
    const gates = betas.map((beta, level) => gateOf(beta, level, context));
    const experts: (tf.Tensor4D | undefined)[][] = [];
    let inputs: (tf.Tensor4D | undefined)[] = (levels[0] ?? []).map(() => images);
    for (const [index, level] of levels.entries()) {
      const outputs = runLevel(level, inputs, context, live?.[index]);
      experts.push(outputs);
      const gate = gates[index] as tf.Tensor2D;
      if (index + 1 < levels.length) inputs = nextInputs(gate, outputs, route?.parents[index]);
    }
    const flat = (experts.at(-1) ?? []).map((map) => map && flattenMap(map, settings.pooledSize));
    const read = consume(gates.at(-1) as tf.Tensor2D, flat, route?.parents.at(-1));
    const logits = heads(read as tf.Tensor3D, context);
    return { logits, features: [], preActivations: [], gates, experts };
  };
}

function runLevel(
  level: readonly Layer[],
  inputs: readonly (tf.Tensor4D | undefined)[],
  context: Context,
  live?: ReadonlySet<number>,
): (tf.Tensor4D | undefined)[] {
  return level.map((layer, index) => {
    const input = inputs[index];
    if (input === undefined || live?.has(index) === false) return undefined;
    return layer(input, context);
  });
}
