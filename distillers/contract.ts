/**
 * What a distillation method is. One file a method, one line in `registry.ts`; `docs/contributing.md`
 * walks through one. This room imports zod, and types: tfjs reaches a method as an argument, so that
 * the programs that only check studies load none.
 */
import type { z } from 'zod';

import type { tf } from '../learning/engine/backend.ts';
import type { HelperLayers } from '../learning/engine/helper-layers.ts';
import type { Initial } from '../learning/engine/network.ts';
import type { FeatureShapes } from '../study/models/family.ts';

export type Tf = typeof tf;

/** Where a step stands in its run, and in the published one (`learning/training/position.ts`). */
export type RunPosition = {
  /** From 1. */
  readonly epoch: number;
  /** Within the epoch, from 0. */
  readonly step: number;
  readonly stepsPerEpoch: number;
  /** Epochs of the run. */
  readonly epochs: number;
  /** The published epoch ê that this step falls into, from 1; a whole number. */
  readonly publishedEpoch: number;
  /** Share of the run's steps that are done before this one, in [0, 1). */
  readonly progress: number;
  /** In the phase before the training (`Before`); `publishedEpoch` is 1 there. */
  readonly isBefore?: true;
};

/** What a method reads beside labels and the student. */
export type Reads = {
  /** Logits alone may come from a cache; for features the teacher has to run in every step. */
  readonly teacher?: 'logits' | 'features';
  /** Of both networks: `Knowledge.preActivations` and `norms`. */
  readonly preActivations?: true;
  /** The place of each image of the batch in the training split. */
  readonly rows?: true;
  /** What both networks make of a strong view of each image (`Step.strong`); the teacher has to run. */
  readonly strongView?: true;
};

/** All that is known of student and teacher before either is built. */
export type Pair = {
  readonly student: FeatureShapes;
  /** Nothing to read where there is no teacher. */
  readonly teacher: FeatureShapes;
  readonly classes: number;
  /** Images of the training split. */
  readonly images: number;
};

/** Scale and shift of a batch norm, [C] each. */
export type Affine = { readonly gamma: tf.Tensor; readonly beta: tf.Tensor };

/** What one network makes of a batch. The teacher's carries no gradient. */
export type Knowledge = {
  /** [B, classes] */
  readonly logits: tf.Tensor2D;
  /** f0 (stem), f1 … (ends of the stages), [B, H, W, C]. */
  readonly maps: readonly tf.Tensor4D[];
  /** What the classifier reads, [B, D]. */
  readonly embedding?: tf.Tensor2D;
  /** What is pooled into the embedding, [B, H, W, D]. */
  readonly lastMap?: tf.Tensor4D;
  /** The network's classifier: embeddings [n, D] to logits [n, classes]. */
  readonly classify?: (embedded: tf.Tensor2D) => tf.Tensor2D;
  /** f1 … before their last ReLU (WRN: after the batch norm behind them), where they are read. */
  readonly preActivations?: readonly tf.Tensor4D[];
  /** The batch norms in front of those ReLUs, where they are read. */
  readonly norms?: readonly Affine[];
  /** What the modules that a student answers through make of its last map (`Term.answer`). */
  readonly moved?: tf.Tensor4D;
  /** VAM: mean normalised entropy of the attention. */
  readonly attentionEntropy?: tf.Scalar;
};

/** What a student says through modules of a method, in place of its own classifier. */
export type Answer = {
  /** [B, classes] */
  readonly logits: tf.Tensor2D;
  /** What the modules make of the last map, [B, H, W, D]. */
  readonly moved: tf.Tensor4D;
};

/** What both networks make of one view of the images. */
export type Views = {
  readonly student: Knowledge;
  readonly teacher?: Knowledge;
};

/** What a loss is computed from. */
export type Step = {
  /** One-hot [B, classes]. */
  readonly labels: tf.Tensor2D;
  readonly student: Knowledge;
  /** Present where `reads.teacher` is set. */
  readonly teacher?: Knowledge;
  /** Of the same images, changed strongly; where `reads.strongView` is set. */
  readonly strong?: Views;
  /** int32 [B], where `reads.rows` is set. */
  readonly rows?: tf.Tensor1D;
  /** Tensors that `scalar` and `draw` of the site have asked for, by name. */
  readonly fed: Readonly<Record<string, tf.Tensor>>;
};

/** A tensor that a method keeps from step to step, without gradient. A checkpoint holds it. */
export type Memory<T extends tf.Tensor = tf.Tensor> = {
  /** Its value at the start of the step. */
  readonly value: () => T;
  /** What it becomes, behind the update of the parameters. */
  readonly replace: (next: T) => void;
};

/**
 * Where a method is built. What it asks for here is named after the method, drawn from streams of its
 * own, stored in checkpoints where it changes, and its parameters are counted as cost.
 */
export type Site = Pair & {
  readonly tf: Tf;
  /** Computes off the gradient tape: targets, masks, memories. */
  readonly withoutGradient: <T>(compute: () => T) => T;
  /** Helper modules that are trained with the student and dropped after training. */
  readonly layers: HelperLayers;
  /** What is trained in the phase before the training alone, and stays as it is from then on. */
  readonly before: Pick<Site, 'layers'>;
  /** What the student answers through (`Term.answer`): it stays with the student, and is its cost. */
  readonly head: Pick<Site, 'layers'> & {
    /** The teacher's classifier, which nobody trains: its embeddings [n, D] to logits [n, classes]. */
    readonly classifier: () => (embedded: tf.Tensor2D) => tf.Tensor2D;
  };
  /** A single tensor that is trained with the student. */
  readonly parameter: (name: string, shape: readonly number[], initial: Initial) => tf.Tensor;
  readonly memory: <T extends tf.Tensor>(
    name: string,
    shape: readonly number[],
    initial: Initial,
  ) => Memory<T>;
  /** Classes of the training images by row; read it while building. */
  readonly classOfRow: Int32Array;
  /** Integers that never change, and follow from the data: no checkpoint holds them. */
  readonly table: (values: Int32Array) => tf.Tensor1D;
  /** A number that is read anew at every step. */
  readonly scalar: (
    name: string,
    at: (position: RunPosition) => number,
  ) => (step: Step) => tf.Scalar;
  /**
   * Uniform int32 in [0, 2³¹ − 1), drawn on the device from a counter-based stream of seed, method,
   * name, epoch and step.
   */
  readonly draw: (name: string) => (step: Step, shape: readonly number[]) => tf.Tensor;
};

/**
 * A phase before the training, with a loss of its own in place of all others. The run is laid over
 * the published epochs of both (`Distiller.epochsBefore`).
 */
export type Before = {
  /** Its loss bears the weight of the term, which then weighs nothing in the training. */
  readonly isWeighed?: true;
  /** As `Term.loss`. */
  readonly loss: (step: Step) => tf.Scalar;
  /** Which parameters of the student it trains, by name, beside the modules of `Site.before`. */
  readonly trains: (parameter: string) => boolean;
  /** Constant; that of the training's start where absent. */
  readonly learningRate?: number;
};

/** A method at work in one training. */
export type Term = {
  readonly before?: Before;
  /**
   * The loss without its weight. It runs inside a step: tensors in, a scalar out, nothing read on the
   * host, and no operation on the way from student or helper that has no gradient.
   */
  readonly loss: (step: Step) => tf.Scalar;
  /**
   * What the student says, in training and for good, in place of its own classifier, which goes: it is
   * asked once in every pass, and all terms read what it gives (`logits` and `moved` of `Knowledge`).
   * It is made of `Site.head` alone.
   */
  readonly answer?: (student: Knowledge, mode: Mode) => Answer;
};

/** `train`: batch norms of the batch. `evaluate`: of their running statistics. */
export type Mode = 'train' | 'evaluate';

export type Distiller<Options extends z.ZodObject = z.ZodObject> = {
  readonly name: string;
  /** Where it was published. */
  readonly paper: string;
  /** Weight of its loss where a study says none: the published one. */
  readonly weight: number;
  /** Strict, with the published values as defaults: they are part of the key. */
  readonly options: Options;
  readonly reads: Reads;
  /** Its term has an `answer`. */
  readonly answers?: true;
  /** Why it cannot work on this pair, and what is allowed; undefined where it can. */
  refuses?(pair: Pair, options: z.output<Options>): string | undefined;
  /** Share of its weight in force at a step, in [0, 1]; 1 where absent. */
  share?(at: RunPosition, options: z.output<Options>): number;
  /** Where its term has a phase before the training: how long that is in published epochs. */
  epochsBefore?(options: z.output<Options>): number;
  build(site: Site, options: z.output<Options>): Term;
};

/** States a method's type, so that its options are known inside it and forgotten outside. */
export function defineDistiller<Options extends z.ZodObject>(
  distiller: Distiller<Options>,
): Distiller<Options> {
  return distiller;
}

/** The teacher's side of a step of a method that reads it. */
export function taught({ teacher }: Step): Knowledge {
  if (teacher !== undefined) return teacher;
  throw new TypeError('A method that reads no teacher asked for it.');
}
