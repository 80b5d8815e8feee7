/**
 * Methods against numbers of the public PyTorch code (`losses.json`), through the objective that
 * trains: the value, and the gradient with respect to what the student gives.
 */
import test from 'ava';

import type { Knowledge, Pair, RunPosition, Views } from '../../distillers/contract.ts';
import { tf } from '../../learning/engine/backend.ts';
import type { Early } from '../../learning/training/early.ts';
import { createObjective, type Objective } from '../../learning/training/objective.ts';
import type { DistillerSpec } from '../../study/distillers.ts';
import { readGolden } from '../learning/formula.ts';

export type Fixture = {
  readonly value: number;
  readonly tolerance: number;
  readonly gradient: { readonly sum: number; readonly l2: number; readonly first4: number[] };
};
type Coefficients = { readonly amplitude: number; readonly function: 'sin' | 'cos' } & Readonly<
  Record<'omega' | 'phase', number>
>;
export const golden = readGolden<{
  readonly inputs: { readonly coefficients: Readonly<Record<string, Coefficients>> } & Readonly<
    Record<string, { readonly shape: number[] }>
  >;
  readonly fixtures: Readonly<Record<string, Fixture>>;
}>('losses');

/** Element i of an input is amplitude · function(omega · i + phase). */
export function input<T extends tf.Tensor>(name: string): T {
  const shape = golden.inputs[name]?.shape as number[];
  const { amplitude, omega, phase, ...rest } = golden.inputs.coefficients[name] as Coefficients;
  const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => {
    return amplitude * Math[rest.function](omega * i + phase);
  });
  return tf.tensor(values, shape) as T;
}

export const CLASSES = 5;
export const labels = tf.oneHot(
  tf.tensor1d([0, 3, 2, 4], 'int32'),
  CLASSES,
  1,
  0,
  'float32',
) as tf.Tensor2D;
export const unread: Knowledge = { logits: tf.zeros([4, CLASSES]), maps: [] };
/** In front of the map that is compared: the stem's, which no method here reads. */
export const stem = tf.zeros<tf.Rank.R4>([4, 1, 1, 1]);

export type Case = {
  readonly terms: readonly DistillerSpec[];
  /** Name of the input that the gradient is taken of, and what the student gives of it. */
  readonly of: string;
  /** The input itself, where it is none of the fixtures. */
  readonly x?: tf.Tensor;
  readonly student: (x: tf.Tensor) => Knowledge;
  readonly teacher?: Knowledge;
  /** What both know of strong views. */
  readonly strong?: (x: tf.Tensor) => Views;
  /** Gives helper modules values of the fixture. */
  readonly prepare?: (objective: Objective) => void;
  /** Of the phase before the training. */
  readonly isBefore?: true;
};

/** Behind every warm-up. */
export const LATE: RunPosition = {
  ...{ epoch: 100, step: 0, stepsPerEpoch: 1, epochs: 240 },
  ...{ publishedEpoch: 100, progress: 99 / 240 },
};

export const logits = (x: tf.Tensor): Knowledge => ({ ...unread, logits: x as tf.Tensor2D });
export const maps = (x: tf.Tensor): Knowledge => ({ ...unread, maps: [stem, x as tf.Tensor4D] });
export const embedding = (x: tf.Tensor): Knowledge => {
  return { ...unread, embedding: x as tf.Tensor2D };
};
export const shapesOf = ({ maps, embedding }: Knowledge) => ({
  maps: maps.map(({ shape: [, ...rest] }) => rest),
  ...(embedding === undefined ? {} : { embedding: embedding.shape[1] }),
});

/** The objective of a study with these terms, between networks that give these tensors. */
export function objectiveOf({ terms, student, teacher, of, x }: Case): Objective {
  const pair: Pair = {
    student: shapesOf(student(x ?? input(of))),
    teacher: teacher === undefined ? { maps: [] } : shapesOf(teacher),
    ...{ classes: CLASSES, images: 4 },
  };
  const taught = { teacher: { model: { name: 'resnet8' as const }, weights: 'none' } };
  return createObjective(
    { distillers: terms, ...(teacher === undefined ? {} : taught) },
    { pair, classOfRow: Int32Array.of(0, 3, 2, 4), seeds: { init: 1, data: 1 } },
  );
}

/** What a student knows that answers as its loss has it, in training. */
export function answered(objective: Objective, student: Knowledge): Knowledge {
  return { ...student, ...objective.head?.answer(student, 'train') };
}

export const reproduces = test.macro<[string, Case]>({
  title: (_, name) => `${name} has the value and the gradient of the reference`,
  exec: (t, name, setting) => {
    const { value, tolerance, gradient } = golden.fixtures[name] as Fixture;
    const objective = objectiveOf(setting);
    const { student, teacher, prepare, isBefore } = setting;
    prepare?.(objective);
    const fed = objective.feedsAt(LATE);
    const phase = isBefore === true ? (objective.before as Early) : objective;
    const loss = (x: tf.Tensor): tf.Scalar =>
      phase.loss({
        ...{ labels, fed, student: student(x) },
        ...(teacher === undefined ? {} : { teacher }),
      }).total;
    const result = tf.valueAndGrad(loss)(input(setting.of));
    const near = (actual: number, wanted: number, within: number, what: string) =>
      t.true(Math.abs(actual - wanted) <= within, `${what} is ${actual}, not ${wanted}`);
    near(result.value.arraySync(), value, tolerance * Math.abs(value), 'the value');
    const within = 1e-4 * gradient.l2;
    near(tf.sum(result.grad).arraySync() as number, gradient.sum, within * 4, 'the sum');
    near(tf.norm(result.grad).arraySync() as number, gradient.l2, within, 'the norm');
    const first = result.grad.dataSync<'float32'>();
    for (const [index, wanted] of gradient.first4.entries()) {
      near(first[index] ?? NaN, wanted, within, `entry ${index}`);
    }
    objective.dispose();
  },
});
