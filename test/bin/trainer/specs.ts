import { ROOT } from '../../../environment/root.ts';
import { computeCodeIndex } from '../../../learning/code.ts';
import type { EvaluateSpec, ExplainSpec, LegSpec, Trained, TrainSpec } from '../../../leg/spec.ts';
import { DIGITS_MANIFEST, manifestDigest } from '../../../study/dataset-manifest.ts';
import { codeOf, codeUseOf } from '../../../study/code.ts';

const index = computeCodeIndex(ROOT);

/** The spec with the digest of the sources here. */
export function withCode<Spec extends LegSpec>(spec: Spec): Spec {
  return { ...spec, code: codeOf(index, codeUseOf(spec)) };
}

const IMAGES = 96;
const BATCH = 16;
const EPOCHS = 2;

/** Steps of one epoch, and of a whole training, of the specs below. */
export const EPOCH_STEPS = IMAGES / BATCH;
export const STEPS = EPOCHS * EPOCH_STEPS;

/** A network trained on a few digits, in seconds. */
export function studentSpec(changes: Partial<TrainSpec> = {}): TrainSpec {
  return withCode({
    kind: 'train',
    device: { kind: 'cpu', threads: 1, precision: 'float32' },
    engine: 'eager',
    dataset: {
      name: 'digits',
      digest: manifestDigest(DIGITS_MANIFEST),
      preset: 'correct',
      split: { train: IMAGES, validation: 10, test: 20 },
    },
    code: '',
    model: { name: 'resnet8' },
    distillers: [{ name: 'ce', weight: 1 }],
    train: {
      epochs: EPOCHS,
      batch: BATCH,
      optimizer: {
        name: 'sgd',
        learningRate: 0.05,
        momentum: 0.9,
        nesterov: false,
        weightDecay: 5e-4,
      },
      schedule: 'step',
      scale: true,
      publishedEpochs: 240,
      milestones: [150, 180, 210],
      factor: 0.1,
      warmUpEpochs: 0,
      augment: { pad: 2, flip: false },
    },
    seeds: { init: 1, data: 2 },
    ...changes,
  });
}

/** The same student under a teacher, with virtual attention. */
export function taughtSpec(weights: string, changes: Partial<TrainSpec> = {}): TrainSpec {
  const teacher: Trained = { model: { name: 'resnet8' }, weights };
  return studentSpec({
    vam: { block: 8, entropyWeight: 1e-3 },
    distillers: [
      { name: 'ce', weight: 0.1 },
      { name: 'kd', weight: 0.9, temperature: 4 },
    ],
    teacher,
    ...changes,
  });
}

/** The first stage of a narrow explainer: soft gates, Adam, dropout in its heads. */
export function explainerSpec(changes: Partial<TrainSpec> = {}): TrainSpec {
  return studentSpec({
    model: { name: 'hme_ltb', width: 4 },
    gates: 'soft',
    train: {
      ...studentSpec().train,
      optimizer: { name: 'adam', learningRate: 2e-3, gateLearningRate: 0.05, weightDecay: 5e-4 },
      schedule: 'explainer-soft',
    },
    ...changes,
  });
}

/** The second stage: a tree of the gates that the first has learned, trained anew. */
export function treeSpec(parent: Trained): TrainSpec {
  const { train } = studentSpec();
  return explainerSpec({ gates: 'hard', parent, train: { ...train, schedule: 'explainer-hard' } });
}

/** What trainings have in common with evaluations of what they trained. */
function commonOf({ device, engine, dataset }: TrainSpec) {
  return { device, engine, dataset, code: '' };
}

export function evaluateSpec(network: Trained): EvaluateSpec {
  return withCode({ ...commonOf(studentSpec()), kind: 'evaluate', network });
}

export function explainSpec(soft: Trained, hard: Trained): ExplainSpec {
  return withCode({
    ...commonOf(studentSpec()),
    kind: 'explain',
    soft,
    hard,
    distillers: [{ name: 'ce', weight: 1 }],
  });
}

/** The network of a training whose weights have a digest. */
export function trainedAs({ model, vam, gates }: TrainSpec, weights: string): Trained {
  const how = { ...(vam === undefined ? {} : { vam }), ...(gates === undefined ? {} : { gates }) };
  return { model, ...how, weights };
}
