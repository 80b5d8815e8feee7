import type { ModelSpec } from '../schema.ts';

type Split = { readonly train: number; readonly validation: number; readonly test: number };

/** Multiply-adds of one forward pass of one 32×32 image, in millions (science §4; explainer at width 64: §1.1). */
const MEGA_MULTIPLY_ADDS: Readonly<Record<ModelSpec['name'], number>> = {
  resnet8: 12.51,
  resnet14: 26.66,
  resnet20: 40.82,
  resnet32: 69.13,
  resnet44: 97.44,
  resnet56: 125.75,
  resnet110: 253.16,
  resnet8x4: 177.07,
  resnet32x4: 1083.04,
  wrn_16_1: 26.66,
  wrn_16_2: 101.12,
  wrn_40_1: 83.29,
  wrn_40_2: 327.61,
  hme_ltb: 185,
};

/** A step costs about three forward passes: forward, gradient of the input, gradient of the weights. */
const FORWARD_PASSES_PER_STEP = 3;

/** Relative cost of one forward pass of one image. Memory traffic of narrow networks keeps it from falling with width². */
function forwardCost(model: ModelSpec): number {
  const full = MEGA_MULTIPLY_ADDS[model.name];
  return model.width === undefined ? full : full * (model.width / 64) ** 1.6;
}

/** Relative cost of a whole training, evaluation after every epoch and a teacher that runs included. */
export function trainingCost(
  model: ModelSpec,
  epochs: number,
  split: Split,
  teacher: ModelSpec | undefined,
): number {
  const student = forwardCost(model);
  const perTrainImage =
    FORWARD_PASSES_PER_STEP * student + (teacher === undefined ? 0 : forwardCost(teacher));
  return epochs * (split.train * perTrainImage + (split.validation + split.test) * student);
}

/** Relative cost of a teacher's logits for every image of every epoch. */
export function teachingCost(teacher: ModelSpec, epochs: number, split: Split): number {
  return epochs * split.train * forwardCost(teacher);
}

/** Relative cost of evaluating a stored network once. */
export function evaluationCost(
  model: ModelSpec,
  split: Split,
  teacher: ModelSpec | undefined,
): number {
  return split.test * (forwardCost(model) + (teacher === undefined ? 0 : forwardCost(teacher)));
}

/** Relative cost of an explanation: both networks evaluated, and class gradients for the conflict rate. */
export function explanationCost(model: ModelSpec, split: Split): number {
  return split.test * forwardCost(model) * (2 + FORWARD_PASSES_PER_STEP);
}
