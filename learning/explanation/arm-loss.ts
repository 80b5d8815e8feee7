import { teacherUse } from '../../distillers/lookup.ts';
import type { ExplainSpec } from '../../study/spec.ts';
import { type tf } from '../engine/backend.ts';
import type { Forward, Network } from '../engine/network.ts';
import { knowledgeOf } from '../training/knowledge.ts';
import { createObjective, groundOf } from '../training/objective.ts';

/** The loss that both stages of an arm were trained with, on images that nobody has moved. */
export type ArmLoss = {
  /**
   * What the teacher knows of a batch [B, H, W, 3], with labels one-hot [B, classes], is computed at
   * once; the loss of a forward pass of the explainer on it is a function of that pass.
   */
  readonly of: (images: tf.Tensor4D, labels: tf.Tensor2D) => (forward: Forward) => tf.Scalar;
  readonly dispose: () => void;
};

/**
 * The arm's own loss, built as its trainings built it. An arm is taught by losses of logits alone: they
 * train no modules, draw nothing, and weigh the same at every step.
 *
 * @param teacher read where the arm has one
 * @returns undefined where the arm has a teacher that is not at hand
 */
export function createArmLoss(
  { soft, teacher: taught, dataset, distillers }: ExplainSpec,
  teacher: Network | undefined,
): ArmLoss | undefined {
  const reads = teacherUse(distillers.map(({ name }) => name)) !== 'nothing';
  if (reads && teacher === undefined) return undefined;
  const spec = { model: soft.model, distillers, dataset, seeds: { init: 0, data: 0 } };
  const parts = taught === undefined ? spec : { ...spec, teacher: taught };
  const objective = createObjective(parts, groundOf(parts, new Int32Array(dataset.split.train)));
  return {
    of: (images, labels) => {
      const knowledge =
        reads && teacher !== undefined
          ? { teacher: knowledgeOf(teacher.forward(images, { mode: 'evaluate' })) }
          : {};
      return (forward) =>
        objective.loss({ labels, student: knowledgeOf(forward), ...knowledge, fed: {} }).total;
    },
    dispose: objective.dispose,
  };
}
