import type { Heads } from '../../study/catalog.ts';
import type { tf } from './backend.ts';

/**
 * What a parameter is to the optimiser: ordinary weights; gates of the explainer (their own
 * learning rate, KDExplainer stage 1); attention of VAM (the rate of the weights, no decay).
 */
export type ParameterGroup = 'weights' | 'gates' | 'vam';

/** A trainable tensor. `name` is unique in its network and is its name in checkpoints. */
export type Parameter = {
  readonly name: string;
  readonly group: ParameterGroup;
  readonly variable: tf.Variable;
};

/** How a parameter starts. */
export type Initial =
  | { readonly kind: 'normal'; readonly standardDeviation: number }
  | { readonly kind: 'uniform'; readonly low: number; readonly high: number }
  | { readonly kind: 'constant'; readonly value: number };

/**
 * Gives the first values of the parameter or statistic `name`, row-major. Training draws them from
 * one random stream per name (`seededInitialiser`), so a new module moves no other stream; folding
 * and the golden tests inject values instead.
 */
export type Initialiser = (
  name: string,
  shape: readonly number[],
  initial: Initial,
) => Float32Array;

/** Virtual attention module: contiguous blocks of `blockSize` channels. */
export type VamOptions = { readonly blockSize: number };

/** All that determines a network's structure. */
export type NetworkOptions = {
  /** A name of the registry (`models/build.ts`). */
  readonly model: string;
  readonly classes: number;
  /** Height and width of the images, in pixels. */
  readonly imageSize: number;
  readonly vam?: VamOptions;
  /** Inference only: a batch norm behind a convolution is part of its kernel and bias. */
  readonly foldedNorms?: boolean;
  /** Explainer only: channels of its experts (64); the last level has half of them. */
  readonly width?: number;
  /** Explainer only: experts per level ([2, 4, 8]). */
  readonly experts?: readonly number[];
  /** Explainer only: how a class's logit comes from its head ('single'). */
  readonly heads?: Heads;
};

/**
 * The hard tree of an explainer: `parents[l][i]` is the expert of level l that consumer i of the
 * next level reads (the last entry: the classes). Experts that nobody reads are not computed.
 */
export type Route = { readonly parents: readonly (readonly number[])[] };

/** How one forward pass runs. Tensors are fed: they may change from step to step; the rest is fixed. */
export type Pass = {
  /** `train`: batch statistics, running statistics updated. `evaluate`: running statistics. */
  readonly mode: 'train' | 'evaluate';
  /** int32 [2], new in every step; absent: no dropout. */
  readonly dropoutSeed?: tf.Tensor1D;
  /** `preActivations` are asked for: without, ReLU is one operation with what stands before it. */
  readonly keepsPreActivations?: boolean;
  /** Explainer, soft gates: A = softmax(β · inverseGateTemperature), ê/5 at epoch ê. */
  readonly inverseGateTemperature?: tf.Scalar;
  /** Explainer: one-hot gates (argmax of β, lowest index on ties); every expert is computed. */
  readonly hardGates?: boolean;
  /** Explainer: hard gates with the tree known, so that dead experts are left out. */
  readonly route?: Route;
};

/** γ and β of a batch norm, [channels] each. */
export type Affine = { readonly gamma: tf.Tensor; readonly beta: tf.Tensor };

/** Outputs of one forward pass. */
export type Forward = {
  /** [B, classes] */
  readonly logits: tf.Tensor2D;
  /** f0 (stem), f1 … (ends of the stages, NHWC), last: pooled [B, D]. Empty for the explainer. */
  readonly features: readonly tf.Tensor[];
  /**
   * f1 … before their last ReLU (WRN: after the batch norm that follows them); empty unless the pass
   * keeps them.
   */
  readonly preActivations: readonly tf.Tensor4D[];
  /** Scale and shift of the batch norms that give them. */
  readonly norms?: readonly Affine[];
  /** What is pooled; absent for the explainer. */
  readonly lastMap?: tf.Tensor4D;
  /** Pooled [n, D] to logits; absent for the explainer. */
  readonly classify?: (pooled: tf.Tensor2D) => tf.Tensor2D;
  /** The last of `features`; absent for the explainer. */
  readonly pooled?: tf.Tensor2D;
  /** What the modules in place of its classifier make of `lastMap`, where it has some. */
  readonly moved?: tf.Tensor4D;
  /** Explainer: A of every gate [consumers, experts], from the first level on. */
  readonly gates?: readonly tf.Tensor2D[];
  /** Explainer: the experts' outputs by level; `undefined` where the route left an expert out. */
  readonly experts?: readonly (readonly (tf.Tensor4D | undefined)[])[];
  /** VAM: mean normalised entropy H̄ of the attention over layers and consumers, in [0, 1]. */
  readonly vamEntropy?: tf.Scalar;
};

/** A network with its state. Its variables live until `dispose`. */
export type Network = {
  readonly options: NetworkOptions;
  /** By name, in the order of construction. */
  readonly trainable: ReadonlyMap<string, Parameter>;
  /** Running means and variances of batch norm, by name. */
  readonly statistics: ReadonlyMap<string, tf.Variable>;
  /** Trainable scalars (running statistics not counted). */
  readonly parameterCount: number;
  /** Multiply-adds of convolutions and linear layers for one image. */
  readonly multiplyAdds: number;
  /** The same by the name of the layer. */
  readonly layerCosts: ReadonlyMap<string, number>;
  /** @param images float32 [B, H, W, 3], normalised. Call inside `tf.tidy` or a trainer. */
  readonly forward: (images: tf.Tensor4D, pass: Pass) => Forward;
  /** Where modules answer in place of its classifier: the network without, and how to put them on one. */
  readonly answering?: {
    readonly body: Network;
    /** Borrows the modules: they go with the network that was made with them. */
    readonly onto: (body: Network) => Network;
  };
  readonly dispose: () => void;
};
