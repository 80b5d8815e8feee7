/** Every method on networks of every family: refused in words, or its loss reaches all that it trains. */
import test from 'ava';

import { DISTILLERS } from '../../distillers/registry.ts';
import { tf } from '../../learning/engine/backend.ts';
import type { Network } from '../../learning/engine/network.ts';
import type { Early } from '../../learning/training/early.ts';
import { answering } from '../../learning/training/answering.ts';
import { knowledgeOf } from '../../learning/training/knowledge.ts';
import { createObjective, type Objective } from '../../learning/training/objective.ts';
import { distillerSchema, type DistillerSpec } from '../../study/distillers.ts';
import { featureShapes, type ModelName } from '../../study/models/models.ts';
import { randomNetwork, randomTensor } from '../learning/networks.ts';
import { LATE } from './golden.ts';

const CLASSES = 10;
const ROWS = [1, 2, 3, 4];

/** Parameters without a finite gradient: of the training, and of any phase before it. */
function unreached(objective: Objective, student: Network, teacher: Network): string[] {
  const kept = objective.readsPreActivations ? { keepsPreActivations: true } : {};
  const { head } = objective;
  const network = head === undefined ? student : answering(student, head);
  const own = [...network.trainable.values()];
  const missing = (phase: Objective | Early, trained: typeof own): string[] =>
    tf.tidy(() => {
      const images = randomTensor<tf.Rank.R4>([ROWS.length, 32, 32, 3]);
      const views = (of: tf.Tensor4D) => ({
        student: knowledgeOf(network.forward(of, { mode: 'train', ...kept })),
        teacher: knowledgeOf(teacher.forward(of, { mode: 'evaluate', ...kept })),
      });
      const rows = tf.tensor1d(ROWS, 'int32');
      const labels = tf.oneHot(rows, CLASSES, 1, 0, 'float32') as tf.Tensor2D;
      const parameters = [...trained, ...phase.trained];
      const { grads } = tf.variableGrads(
        () =>
          phase.loss({
            ...{ labels, rows, fed: objective.feedsAt(LATE) },
            ...views(images),
            ...(objective.readsStrongView ? { strong: views(tf.reverse(images, 2)) } : {}),
          }).total,
        parameters.map(({ variable }) => variable),
      );
      return parameters.flatMap(({ name, variable }) => {
        const gradient = grads[variable.name];
        const isFinite = gradient?.dataSync<'float32'>().every(Number.isFinite) ?? false;
        return isFinite ? [] : [name];
      });
    });
  const { before } = objective;
  return [
    ...missing(objective, own),
    ...(before === undefined
      ? []
      : missing(
          before,
          [...student.trainable.values()].filter(({ name }) => before.trains(name)),
        )),
  ];
}

/** Same families, where most methods work, and one pair of two. */
const PAIRS: readonly (readonly [ModelName, ModelName, string[]])[] = [
  ['resnet8', 'resnet14', []],
  ['wrn_16_1', 'wrn_16_1', []],
  ['vgg8', 'vgg8', []],
  ['mobilenetv2', 'mobilenetv2', ['sdd']],
  ['shufflenetv1', 'shufflenetv1', []],
  ['shufflenetv2', 'shufflenetv2', []],
  ['resnet8', 'wrn_16_2', ['fsp', 'kdsvd']],
  ['mobilenetv2', 'vgg8', ['fsp', 'kdsvd', 'ab', 'sdd']],
];

for (const [student, teacher, refusing] of PAIRS) {
  test(`${student} under ${teacher}: all but ${refusing.join(', ') || 'none'}`, (t) => {
    const pair = {
      student: featureShapes(student, 32),
      teacher: featureShapes(teacher, 32),
      ...{ classes: CLASSES, images: 64 },
    };
    const ground = {
      ...{ pair, seeds: { init: 1, data: 1 } },
      classOfRow: Int32Array.from({ length: 64 }, (_, row) => row % CLASSES),
    };
    const [own, known] = [randomNetwork({ model: student }), randomNetwork({ model: teacher }, 7)];
    const refused: string[] = [];
    for (const { name, reads, refuses } of DISTILLERS) {
      if (reads.teacher === undefined) continue;
      const small = name === 'crd' ? { negatives: 8 } : {};
      const spec: DistillerSpec = distillerSchema.parse({ name, ...small });
      const reason = refuses?.(pair, spec);
      if (reason !== undefined) {
        t.regex(reason, /; allowed: ./);
        refused.push(name);
        continue;
      }
      const taught = { model: { name: teacher }, weights: 'none' };
      const objective = createObjective(
        { distillers: [{ name: 'ce', weight: 1 }, spec], teacher: taught },
        ground,
      );
      t.deepEqual(unreached(objective, own, known), [], name);
      objective.dispose();
    }
    t.deepEqual(refused.toSorted(), refusing.toSorted());
    own.dispose();
    known.dispose();
  });
}
