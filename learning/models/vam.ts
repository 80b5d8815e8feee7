/**
 * VAM, the virtual attention module of KDExplainer (Xue et al., IJCAI 2021; arXiv:2105.04181), in a
 * reconstruction of ours: no code of it is public. The channels of a convolution are taken as blocks
 * of virtual experts; every block of outputs weighs the blocks of inputs it reads by a softmax with
 * one temperature for the whole network. The attention does not depend on the input, so it acts on
 * the kernel, costs nothing per image and folds away after training (`fold.ts`).
 *
 * Attention is zero at the start: every weight is exactly 1 and the network equals the plain one.
 */
import { z } from 'zod';

import { defineDistiller } from '../../distillers/contract.ts';
import { KdxError } from '../../leg/errors.ts';
import type { EpochRecord } from '../../leg/records.ts';
import { tf } from '../engine/backend.ts';
import type { Attention, Builder, Context } from '../engine/builder.ts';
import { withoutGradient } from '../engine/gradients.ts';
import type { Network, VamOptions } from '../engine/network.ts';
import { requireDivisible } from './options.ts';

const MINIMUM_TEMPERATURE = 0.05;
/** ρ with τ = τ_min + ln(1 + e^ρ) = 1. */
const INITIAL_RHO = Math.log(Math.expm1(1 - MINIMUM_TEMPERATURE));

/** VAM on one network: gates for its kernels, and what each forward pass shares. */
export type Vam = {
  readonly gateKernel: NonNullable<Builder['gateKernel']>;
  /** @throws KdxError SpecInvalid where the blocks are too large for every convolution */
  readonly requireUse: () => void;
  readonly begin: () => Attention;
  /** H̄: the mean normalised entropy over all layers and consumers. */
  readonly entropy: (attention: Attention) => tf.Scalar;
};

/** Block of every channel: contiguous blocks whose sizes differ by at most 1. */
export function blocksOf(channels: number, blocks: number): number[] {
  return Array.from({ length: channels }, (_, channel) =>
    Math.floor((channel * blocks) / channels),
  );
}

/** One-hot rows [channels, blocks]: repeats the value of a block over its channels. */
function membership(channels: number, blocks: number): tf.Tensor2D {
  if (blocks === 1) return tf.ones([channels, 1]);
  const indices = tf.tensor1d(blocksOf(channels, blocks), 'int32');
  return tf.oneHot(indices, blocks).as2D(channels, blocks);
}

/**
 * m·α of every consumer [consumers, producers], with α = softmax(ε/τ), as exp(e − max) over its own
 * mean: exactly 1 where ε is zero, which m·(1/m) is not. With it the entropy of α over ln m.
 */
export function attentionOf(
  epsilon: tf.Tensor2D,
  temperature: tf.Scalar,
): { scale: tf.Tensor2D; entropy: tf.Tensor1D } {
  const producers = epsilon.shape[1];
  const logits = tf.div(epsilon, temperature);
  const peak = withoutGradient(() => tf.max(logits, 1, true));
  const shifted = tf.sub(logits, peak);
  const powers = tf.exp(shifted);
  const total = tf.sum(powers, 1, true);
  const scale = tf.div<tf.Tensor2D>(powers, tf.div(total, producers));
  const logWeights = tf.sub(shifted, tf.log(total));
  const spread = tf.sum<tf.Tensor1D>(tf.mul(scale, logWeights), 1);
  return { scale, entropy: tf.div(spread, -producers * Math.log(producers)) };
}

export const RHO_NAME = 'vam/rho';

/** Name of the attention logits ε on the convolution `name`. */
export function epsilonName(name: string): string {
  return `${name}/vam/epsilon`;
}

/** Adds VAM to the network under construction. @throws KdxError SpecInvalid on a bad block size. */
export function createVam(builder: Builder, { blockSize }: VamOptions): Vam {
  requireDivisible('vam.blockSize', blockSize, 1);
  const rho = builder.parameter(RHO_NAME, [], { kind: 'constant', value: INITIAL_RHO }, 'vam');
  let gatedKernels = 0;

  return {
    gateKernel: (name, [, , inputs, outputs], groups) => {
      // Of one group both: no block has channels of two.
      const producers = Math.ceil(inputs / blockSize);
      const consumers = groups * Math.ceil(outputs / groups / blockSize);
      if (producers < 2) return undefined;
      gatedKernels += 1;
      const zero = { kind: 'constant', value: 0 } as const;
      const shape = [consumers, producers];
      const epsilon = builder.parameter(epsilonName(name), shape, zero, 'vam');
      return (kernel, context) => {
        const { temperature, entropies } = requireAttention(context);
        const logits = epsilon as unknown as tf.Tensor2D;
        const attended = attendKernel(kernel, logits, temperature);
        entropies.push(attended.entropy);
        return attended.kernel;
      };
    },
    requireUse: () => {
      if (gatedKernels > 0) return;
      const reason = `no convolution of ${builder.options.model} reads two such blocks`;
      throw new KdxError('SpecInvalid', `vam.blockSize is ${blockSize}; allowed: less, ${reason}.`);
    },
    begin: () => ({ temperature: temperatureOf(rho), entropies: [] }),
    entropy: ({ entropies }) => tf.mean<tf.Scalar>(tf.concat(entropies)),
  };
}

function requireAttention({ attention }: Context): Attention {
  if (attention !== undefined) return attention;
  throw new KdxError('CodeBug', 'A kernel with VAM ran outside the forward pass of its network.');
}

/** τ = τ_min + ln(1 + e^ρ), shared by all attention of a network. */
export function temperatureOf(rho: tf.Tensor): tf.Scalar {
  return tf.add<tf.Scalar>(tf.softplus(rho), MINIMUM_TEMPERATURE);
}

/** The kernel of layer `layer` with its attention in it; undefined where the layer has none. */
export function foldAttention({ trainable }: Network, layer: string): tf.Tensor4D | undefined {
  const epsilon = trainable.get(epsilonName(layer))?.variable;
  const rho = trainable.get(RHO_NAME)?.variable;
  const kernel = trainable.get(`${layer}/kernel`)?.variable;
  if (epsilon === undefined || rho === undefined) return undefined;
  const logits = epsilon as unknown as tf.Tensor2D;
  const stored = kernel as unknown as tf.Tensor4D;
  return attendKernel(stored, logits, temperatureOf(rho)).kernel;
}

/** Temperature of VAM, and its mean normalised entropy over all layers and consumers. */
export function measureAttention({ trainable }: Network): NonNullable<EpochRecord['vam']> {
  const logits = [...trainable.values()].filter(({ group, name }) => {
    return group === 'vam' && name !== RHO_NAME;
  });
  return tf.tidy(() => {
    const temperature = temperatureOf(trainable.get(RHO_NAME)?.variable as tf.Variable);
    const entropies = logits.map(({ variable }) => {
      return attentionOf(variable as unknown as tf.Tensor2D, temperature).entropy;
    });
    const entropy = tf.mean(tf.concat(entropies));
    const [value = 0] = temperature.dataSync<'float32'>();
    const [mean = 0] = entropy.dataSync<'float32'>();
    return { temperature: value, entropy: mean };
  });
}

/** W ⊙ up(m·αᵀ): every tile of the kernel scaled by the attention between its blocks. */
export function attendKernel(
  kernel: tf.Tensor4D,
  epsilon: tf.Tensor2D,
  temperature: tf.Scalar,
): { kernel: tf.Tensor4D; entropy: tf.Tensor1D } {
  const [, , inputs, outputs] = kernel.shape;
  const [consumers, producers] = epsilon.shape;
  const { scale, entropy } = attentionOf(epsilon, temperature);
  const rows = tf.matMul(membership(inputs, producers), scale, false, true);
  const tiles = tf.matMul(rows, membership(outputs, consumers), false, true);
  return { kernel: tf.mul(kernel, tf.reshape(tiles, [1, 1, inputs, outputs])), entropy };
}

/** Published epochs over which the weight of the entropy grows from zero. */
const WARM_UP_EPOCHS = 20;

/**
 * γ·H̄, the entropy of the attention as a term of the loss. Its weight grows linearly, so that random
 * features of the first epochs freeze nothing in. It stands in no registry: a study asks for it with
 * `vam`, which shapes the network too.
 */
export const VAM_ENTROPY = defineDistiller({
  name: 'vam',
  paper: 'arXiv:2105.04181',
  weight: 1e-3,
  options: z.strictObject({}),
  reads: {},
  share: ({ publishedEpoch }) => Math.min(1, (publishedEpoch - 1) / WARM_UP_EPOCHS),
  build: () => ({
    loss: ({ student: { attentionEntropy } }) => {
      if (attentionEntropy !== undefined) return attentionEntropy;
      throw new KdxError('CodeBug', 'The entropy of an attention that the network does not have.');
    },
  }),
});
