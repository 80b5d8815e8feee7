import { codeOf } from '../code.ts';
import { evaluationOf } from '../evaluation.ts';
import { codeModels } from './teacher-model.ts';
import type { Study } from '../schema.ts';
import { evaluationCost } from './cost.ts';
import { predictionMemoryMiB } from './memory.ts';
import { base, trainNode, type PlanContext, type TrainParts, type TrialNode } from './nodes.ts';
import { taught, type BindWeights, type TeacherNode } from './teachers.ts';

/**
 * A training, and the evaluation of the network that it leaves, against a teacher where there is one.
 * @param judge the teacher that the network is compared with; its training may not need it
 */
export function evaluatedNodes(
  study: Study,
  context: PlanContext,
  parts: TrainParts,
  judge: TeacherNode | undefined,
): readonly [training: TrialNode, evaluation: TrialNode] {
  const { id, section, model, vam, answering } = parts;
  const common = base(study, context);
  const code = codeOf(context.code, {
    kind: 'evaluate',
    dataset: common.dataset.name,
    models: codeModels([model, judge?.model]),
    distillers: answering === undefined ? [] : [answering.distiller.name],
    vam: vam !== undefined,
  });
  const own = {
    trial: `${id}/evaluation`,
    needs: judge?.needs ?? [],
    bind: (weights: BindWeights) =>
      ({ ...common, kind: 'evaluate', code, ...taught(judge, weights) }) as const,
  };
  const network = {
    model,
    ...(vam === undefined ? {} : { vam }),
    ...(answering === undefined ? {} : { answering }),
  };
  const evaluation: TrialNode = {
    id: own.trial,
    section,
    kind: 'evaluate',
    needs: [id, ...own.needs],
    cost: evaluationCost(model, common.dataset.split, judge?.model),
    memoryMiB: predictionMemoryMiB(study, judge === undefined ? [model] : [model, judge.model]),
    epochs: 1,
    bind: (weights) => evaluationOf(own.bind(weights), { ...network, weights: weights(id) }),
  };
  const training = trainNode(study, context, parts);
  // Its leg evaluates too.
  const memoryMiB = Math.max(training.memoryMiB, evaluation.memoryMiB);
  return [{ ...training, memoryMiB, evaluation: own }, evaluation];
}

/** The evaluation of a network that was trained elsewhere. */
export function broughtNode(
  study: Study,
  context: PlanContext,
  { id, model, trained }: TeacherNode,
): TrialNode {
  const common = base(study, context);
  const code = codeOf(context.code, {
    ...{ kind: 'evaluate', dataset: common.dataset.name, models: codeModels([model]) },
  });
  return {
    ...{ id: `${id}/evaluation`, section: 'teacher', kind: 'evaluate', needs: [], epochs: 1 },
    cost: evaluationCost(model, common.dataset.split, undefined),
    memoryMiB: predictionMemoryMiB(study, [model]),
    bind: (weights) => ({ ...common, kind: 'evaluate', code, network: trained(weights) }),
  };
}
