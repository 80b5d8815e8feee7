import { KdxError } from '../../leg/errors.ts';
import type { DistillerSpec } from '../../study/schema.ts';
import type { tf } from '../engine/backend.ts';
import type { Forward } from '../engine/network.ts';

/** What a loss term reads of a step's forward passes. */
export type Knowledge = Pick<Forward, 'logits' | 'features'>;

/** Tensors of one step that loss terms are made of. The teacher's carry no gradient. */
export type TermContext = {
  /** One-hot labels [B, C]. */
  readonly labels: tf.Tensor2D;
  readonly student: Knowledge;
  readonly teacher?: Knowledge;
};

/**
 * One term of the loss, without its weight. It runs inside a step: tensors in, a scalar out, nothing
 * read on the host, no operation on the way from the student that has no gradient.
 */
export type Distiller = {
  readonly name: DistillerSpec['name'];
  /** What it needs beside the student's logits. */
  readonly needs: 'targets' | 'logits' | 'features';
  readonly loss: (context: TermContext) => tf.Scalar;
};

/** The teacher's side of a context. @throws KdxError CodeBug where the step runs no teacher. */
export function teacherOf(name: string, { teacher }: TermContext): Knowledge {
  if (teacher !== undefined) return teacher;
  throw new KdxError('CodeBug', `The loss term ${name} ran in a step without a teacher.`);
}

/** Pairs of student and teacher maps at the ends of the stages, f1 first, the pooled one left out. */
export function stagePairs(name: string, context: TermContext): [tf.Tensor4D, tf.Tensor4D][] {
  const maps = ({ features }: Knowledge): tf.Tensor4D[] => features.slice(1, -1) as tf.Tensor4D[];
  const student = maps(context.student);
  const teacher = maps(teacherOf(name, context));
  const count = Math.min(student.length, teacher.length);
  if (count === 0) {
    throw new KdxError(
      'SpecInvalid',
      `distillers: ${name} compares feature maps, but the ${student.length === 0 ? 'student' : 'teacher'} has none; allowed: networks of stages (resnet, wrn).`,
    );
  }
  return student.slice(0, count).map((map, index) => [map, teacher[index] as tf.Tensor4D]);
}
