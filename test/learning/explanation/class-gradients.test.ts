import test from 'ava';

import { batchOf, plainBatch } from '../../../learning/data/batches.ts';
import { loadDataset, type Dataset } from '../../../learning/data/load.ts';
import { tf } from '../../../learning/engine/backend.ts';
import { createArmLoss } from '../../../learning/explanation/arm-loss.ts';
import { classGradients } from '../../../learning/explanation/class-gradients.ts';
import { routeOf } from '../../../learning/models/explainer/route.ts';
import { passOf, type LoadedNetwork } from '../../../learning/networks.ts';
import { digestJson } from '../../../study/canonical.ts';
import type { ExplainSpec, TrainSpec } from '../../../study/spec.ts';
import { createMemory, FEW_DIGITS } from '../memory.ts';
import { randomNetwork } from '../networks.ts';

const LABEL = 3;
const EXPERTS = [2, 3];
const T = 4;
const MODEL = { name: 'hme_ltb', width: 2, experts: EXPERTS } as const;
const KD_ARM = [
  { name: 'ce', weight: 0.1 },
  { name: 'kd', weight: 0.9, temperature: T },
];
const CE_ARM = [{ name: 'ce', weight: 1 }];

function specOf(distillers: ExplainSpec['distillers']): ExplainSpec {
  const trained = { model: MODEL, weights: digestJson('weights') };
  const teacher = { model: { name: 'resnet8' }, weights: digestJson('teacher') } as const;
  return {
    ...{ kind: 'explain', dataset: FEW_DIGITS, engine: 'eager', code: digestJson('code') },
    device: { kind: 'cpu', threads: 1, precision: 'float32' },
    ...{ soft: trained, hard: trained, distillers, teacher },
  };
}

async function fewDigits(): Promise<Dataset> {
  const { ports } = createMemory().context({ code: digestJson('code') } as TrainSpec);
  return loadDataset(FEW_DIGITS, ports.readBlob);
}

/** Gradients of the arm's loss as science.md writes it, of all images of a class in one batch. */
function byHand(data: Dataset, loaded: LoadedNetwork, teacherLogits?: tf.Tensor2D) {
  const { images, count } = imagesOf(data);
  const variables = [...loaded.network.trainable.values()];
  const feeds = { inverseGateTemperature: tf.scalar(loaded.inverseGateTemperature ?? 1) };
  const { grads } = tf.variableGrads(
    () => {
      const { logits } = loaded.network.forward(images, passOf(loaded, 'evaluate', feeds));
      const labels = tf.oneHot(tf.fill([count], LABEL, 'int32'), 10).toFloat();
      const ce = tf.neg(tf.sum(tf.mul(labels, tf.logSoftmax(logits))));
      if (teacherLogits === undefined) return ce.asScalar();
      const p = tf.softmax(tf.div(teacherLogits, T));
      const q = tf.logSoftmax(tf.div(logits, T));
      const divergence = tf.sum(tf.mul(p, tf.sub(tf.log(p), q)));
      return tf.add(tf.mul(ce, 0.1), tf.mul(divergence, 0.9 * T * T)).asScalar();
    },
    variables.map(({ variable }) => variable),
  );
  return (level: number, expert: number): number[] =>
    variables
      .filter(({ name }) => name.startsWith(`level${level}/expert${expert}/`))
      .flatMap(({ variable }) => {
        const gradient = grads[variable.name];
        return gradient === undefined
          ? Array<number>(variable.size).fill(0)
          : [...gradient.dataSync()];
      });
}

function imagesOf(data: Dataset): { readonly images: tf.Tensor4D; readonly count: number } {
  const { labels, imageSize } = data.train.set;
  const chosen = data.split.train.filter((image) => labels[image] === LABEL);
  const batch = plainBatch(data.train, batchOf(chosen, 0, chosen.length));
  const shape: [number, number, number, number] = [batch.count, imageSize, imageSize, 3];
  return { images: tf.tensor4d(batch.images, shape), count: batch.count };
}

const ARMS = { 'hard labels': CE_ARM, distillation: KD_ARM };
for (const [arm, distillers] of Object.entries(ARMS)) {
  for (const gates of ['soft', 'hard'] as const) {
    test(`${arm}, ${gates} gates: a class's gradients are those of the arm's own loss`, async (t) => {
      const data = await fewDigits();
      const { imageSize } = data.train.set;
      const network = randomNetwork({ model: 'hme_ltb', width: 2, experts: EXPERTS, imageSize });
      const loaded: LoadedNetwork =
        gates === 'soft'
          ? { network, gates, inverseGateTemperature: 2 }
          : { network, gates, route: routeOf(network) };
      const teacher = randomNetwork({ imageSize }, 7);
      const loss = createArmLoss(specOf(distillers), teacher);
      if (loss === undefined) throw new Error('the teacher is at hand');
      const found = await classGradients(
        { loaded, loss, experts: EXPERTS },
        data,
        LABEL,
        () => undefined,
      );
      tf.tidy(() => {
        const { logits } = teacher.forward(imagesOf(data).images, { mode: 'evaluate' });
        const expected = byHand(data, loaded, distillers === KD_ARM ? logits : undefined);
        for (const [level, count] of EXPERTS.entries()) {
          for (let expert = 0; expert < count; expert += 1) {
            const wanted = expected(level + 1, expert + 1);
            const norm = Math.hypot(...wanted);
            const difference = wanted.map(
              (value, i) => value - (found[level]?.[expert]?.[i] ?? NaN),
            );
            t.true(Math.hypot(...difference) <= 1e-5 * norm, `level ${level}, expert ${expert}`);
          }
        }
      });
      loss.dispose();
      network.dispose();
      teacher.dispose();
    });
  }
}

test('an arm whose teacher is not at hand has no loss to compare gradients under', (t) => {
  t.is(createArmLoss(specOf(KD_ARM), undefined), undefined);
  const ofLabels = createArmLoss(specOf(CE_ARM), undefined);
  t.not(ofLabels, undefined);
  ofLabels?.dispose();
});
