import { multiplyAddsOf } from '../models/family.ts';
import { outlineOf } from '../models/models.ts';
import type { TeacherModel } from './teacher-model.ts';
import type { ModelSpec } from '../schema.ts';

type Split = { readonly train: number; readonly validation: number; readonly test: number };

/** Relative costs compare trials of one study, whose images and classes are the same: these will do. */
const SIZES = { classes: 10, imageSize: 32 } as const;
const MEGA = 1e6;

/** A step costs about three forward passes: forward, gradient of the input, gradient of the weights. */
const FORWARD_PASSES_PER_STEP = 3;
/** Width to the power of 1.6, where multiply-adds go with width squared. */
const TRAFFIC_EXPONENT = 0.8;

/**
 * Relative cost of one forward pass of one image: multiply-adds, in millions. Memory traffic keeps
 * the cost of a network that is narrower than the published one from falling with their number.
 */
function forwardCost(model: TeacherModel): number {
  if ('onnx' in model) return model.onnx.multiplyAdds / MEGA;
  const { name, ...options } = model;
  const published = multiplyAddsOf(outlineOf({ name }, SIZES)) / MEGA;
  const own = multiplyAddsOf(outlineOf({ name, ...options }, SIZES)) / MEGA;
  return published * (own / published) ** TRAFFIC_EXPONENT;
}

/** Relative cost of a whole training, evaluation after every epoch and a teacher that runs included. */
export function trainingCost(
  model: ModelSpec,
  { epochs, views }: { readonly epochs: number; readonly views: number },
  split: Split,
  teacher: TeacherModel | undefined,
): number {
  const student = forwardCost(model);
  const perTrainImage =
    FORWARD_PASSES_PER_STEP * student + (teacher === undefined ? 0 : forwardCost(teacher));
  return epochs * (split.train * views * perTrainImage + (split.validation + split.test) * student);
}

/** Relative cost of a teacher's logits for every image of every epoch. */
export function teachingCost(teacher: TeacherModel, epochs: number, split: Split): number {
  return epochs * split.train * forwardCost(teacher);
}

/** Relative cost of evaluating a stored network once. */
export function evaluationCost(
  model: TeacherModel,
  split: Split,
  teacher: TeacherModel | undefined,
): number {
  return split.test * (forwardCost(model) + (teacher === undefined ? 0 : forwardCost(teacher)));
}

/** Relative cost of an explanation: both networks evaluated, and class gradients of both for conflict rates. */
export function explanationCost(model: ModelSpec, split: Split): number {
  return split.test * forwardCost(model) * 2 * (1 + FORWARD_PASSES_PER_STEP);
}
