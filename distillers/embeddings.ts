/** Embeddings of two networks: what their classifiers read. */
import type { tf as tensorflow } from '../learning/engine/backend.ts';
import { taught, type Pair, type Step } from './contract.ts';

/** Why a pair has no embeddings to compare; undefined where both have one. */
export function missingEmbedding({ student, teacher }: Pair): string | undefined {
  const missing = [student, teacher].find(({ embedding }) => embedding === undefined);
  if (missing === undefined) return undefined;
  return `the ${missing === student ? 'student' : 'teacher'} has no embedding; allowed: networks of stages (resnet, wrn)`;
}

/** What both classifiers read, [B, D] each; the sizes may differ. */
export function embeddings(
  step: Step,
): readonly [student: tensorflow.Tensor2D, teacher: tensorflow.Tensor2D] {
  return [
    step.student.embedding as tensorflow.Tensor2D,
    taught(step).embedding as tensorflow.Tensor2D,
  ];
}
