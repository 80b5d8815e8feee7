import type { tf } from './backend.ts';
import type { LearningRates, Optimizer } from './optimizer.ts';

/**
 * How steps run: `eager` calls every operation from JavaScript. A step is written so that a recorded
 * graph can take its place: all that changes from step to step is a fed tensor, no value is read
 * back on the host inside it, and no random number is drawn on the host.
 */
export type Engine = 'eager';

/** Tensors that enter a step by name: images, labels, rates, temperatures, weights, seeds. */
export type Feeds = Readonly<Record<string, tf.Tensor>>;

/** Tensors that leave a step by name. The caller disposes them. */
export type Outputs = Readonly<Record<string, tf.Tensor>>;

/** The loss to minimise, with whatever else of the step is worth looking at. */
export type LossTerms = Readonly<Record<string, tf.Tensor>> & { readonly total: tf.Scalar };

/** A step without training: evaluation, a teacher's logits. */
export type Program = {
  run(feeds: Feeds): Outputs;
  dispose(): void;
};

export type TrainerOptions = {
  readonly engine: Engine;
  readonly optimizer: Optimizer;
  /** Which fed scalar is the learning rate of which group. */
  readonly rates: (feeds: Feeds) => LearningRates;
  /** Tensors of the step that carry no gradient, such as the teacher's forward pass. */
  readonly targets?: (feeds: Feeds) => Feeds;
  /** Runs the student's forward pass and gives `total` and the terms to report. */
  readonly loss: (feeds: Feeds, targets: Feeds) => LossTerms;
};

/** One training step after another over the optimiser's parameters. */
export type Trainer = {
  /** Forward, gradients, update. Gives all of `loss`'s terms; the caller disposes them. */
  step(feeds: Feeds): Outputs;
  dispose(): void;
};
