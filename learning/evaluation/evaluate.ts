import type { Evaluation } from '../../leg/records.ts';
import type { Result } from '../../leg/result.ts';
import { canonicalJson } from '../../study/canonical.ts';
import type { EvaluateSpec, LegSpec, Teaching } from '../../study/spec.ts';
import type { LegContext } from '../context.ts';
import { loadDataset, type Dataset } from '../data/load.ts';
import type { Engine } from '../engine/trainer.ts';
import { liveCost } from '../models/explainer/route.ts';
import { foldBatchNorm, foldVam } from '../models/fold.ts';
import { loadNetwork, type LoadedNetwork } from '../networks.ts';
import { createTick, type Work } from '../tick.ts';
import { openClassifier } from '../teaching/onnx.ts';
import { predict, predictBy, predictSteps } from './predict.ts';
import {
  agreementWith,
  calibrationError,
  confusionMatrix,
  negativeLogLikelihood,
  predictedClass,
  top1,
  top5,
  type Predictions,
} from './scores.ts';

/**
 * Every number of one stored network on the test images. Nothing of it depends on the batch or on
 * other runs, so that it can be recomputed from the weights at any time.
 *
 * @throws KdxError SpecInvalid, DataMismatch, CheckpointCorrupt, ObjectStore; Stopped where a stop
 *   was asked for (there is nothing to keep: it starts again)
 */
export async function evaluate(spec: EvaluateSpec, context: LegContext): Promise<Result> {
  const { key, ports } = context;
  const { dataset, network: trained, teacher: taught } = spec;
  const data = await loadDataset(dataset, ports.readBlob);
  const networks = taught === undefined ? [trained] : [trained, taught];
  const tick = createTick(context, { what: 'an evaluation', ...evaluationWork(networks, data) });
  const run = async (of: Teaching): Promise<Evaluated> =>
    evaluateStored(of, spec, data, await ports.readBlob(of.weights), tick);
  const student = await run(trained);
  const teacher = taught === undefined ? undefined : await run(taught);
  const evaluation = withTeacher(student, teacher);
  const bytes = new TextEncoder().encode(canonicalJson(evaluation));
  const files = { evaluation: await ports.writeBlob(bytes) };
  return { schema: 1, key, spec, status: 'complete', metrics: metricsOf(evaluation), files };
}

/** Evaluates a network by what is stored of it. @param tick as of `evaluateLoaded` */
export async function evaluateStored(
  of: Teaching,
  spec: Pick<LegSpec, 'dataset' | 'device' | 'engine'>,
  data: Dataset,
  bytes: Uint8Array,
  tick: (images: number) => void,
): Promise<Evaluated> {
  if ('onnx' in of) {
    const { classes, logitsOf, dispose } = await openClassifier(of, spec, bytes);
    try {
      const predictions = await predictBy(logitsOf, classes, tick)(data.test, data.split.test);
      return { evaluation: describe(predictions, of.onnx), predictions };
    } finally {
      await dispose();
    }
  }
  const loaded = loadNetwork(of, spec.dataset, bytes);
  try {
    return await evaluateLoaded(loaded, data, spec.engine, tick);
  } finally {
    loaded.network.dispose();
  }
}

/** An evaluation and the predictions behind it. */
export type Evaluated = { readonly evaluation: Evaluation; readonly predictions: Predictions };

/** How much work the evaluation of some networks is: one with VAM is run twice. */
export function evaluationWork(networks: readonly Teaching[], { split }: Dataset): Work {
  const hasVam = (network: Teaching): boolean => 'vam' in network && network.vam !== undefined;
  const passes = networks.reduce((sum, network) => sum + (hasVam(network) ? 2 : 1), 0);
  const images = split.test.length;
  return { steps: passes * predictSteps(images), images: passes * images };
}

/**
 * Evaluates a network in memory; one with VAM is folded as for export, its batch norms
 * too, and compared.
 *
 * @param tick called after each batch, with its images; may throw to end the work
 */
export async function evaluateLoaded(
  loaded: LoadedNetwork,
  data: Dataset,
  engine: Engine,
  tick: (images: number) => void,
): Promise<Evaluated> {
  const { network, inverseGateTemperature } = loaded;
  const settings = inverseGateTemperature === undefined ? {} : { inverseGateTemperature };
  const over = (gated: LoadedNetwork): Promise<Predictions> =>
    predict({ engine, gated, tick, ...settings }, data.test, data.split.test);
  const predictions = await over(loaded);
  const cost =
    loaded.route === undefined
      ? { parameters: network.parameterCount, multiplyAdds: network.multiplyAdds }
      : liveCost(network, loaded.route);
  const base = describe(predictions, cost);
  if (network.options.vam === undefined) return { evaluation: base, predictions };

  const plain = foldVam(network);
  const folded = foldBatchNorm(plain);
  plain.dispose();
  try {
    const comparison = compare(predictions, await over({ network: folded }));
    const evaluation = {
      ...base,
      folded: { parameters: folded.parameterCount, ...comparison },
    };
    return { evaluation, predictions };
  } finally {
    folded.dispose();
  }
}

type Cost = Pick<Evaluation, 'parameters' | 'multiplyAdds'>;

function describe(predictions: Predictions, { parameters, multiplyAdds }: Cost): Evaluation {
  const confusion = confusionMatrix(predictions);
  return {
    images: predictions.count,
    top1: top1(predictions),
    top5: top5(predictions),
    nll: negativeLogLikelihood(predictions),
    ece: calibrationError(predictions),
    perClass: confusion.map((row, k) => ({
      class: k,
      correct: row[k] as number,
      images: row.reduce((sum, count) => sum + count, 0),
    })),
    confusion,
    ...{ parameters, multiplyAdds },
  };
}

/** Largest difference of any logit, and whether every image gets the same class. */
function compare(
  a: Predictions,
  b: Predictions,
): { readonly maxLogitDifference: number; readonly sameTop1: boolean } {
  let maxLogitDifference = 0;
  for (const [index, value] of a.logits.entries()) {
    const difference = Math.abs(value - (b.logits[index] as number));
    maxLogitDifference = Math.max(maxLogitDifference, difference);
  }
  const classOf = ({ logits, classes }: Predictions, image: number): number =>
    predictedClass(logits.subarray(image * classes, (image + 1) * classes));
  const images = Array.from({ length: a.count }, (_, image) => image);
  return { maxLogitDifference, sameTop1: images.every((i) => classOf(a, i) === classOf(b, i)) };
}

/** Adds how well the network follows its teacher. */
export function withTeacher(student: Evaluated, teacher: Evaluated | undefined): Evaluation {
  if (teacher === undefined) return student.evaluation;
  const follows = agreementWith(student.predictions, teacher.predictions);
  return { ...student.evaluation, teacher: follows };
}

function metricsOf(evaluation: Evaluation): Record<string, number> {
  const { teacher } = evaluation;
  return {
    top1: evaluation.top1,
    'test.top1': evaluation.top1,
    'test.top5': evaluation.top5,
    'test.nll': evaluation.nll,
    'test.ece': evaluation.ece,
    parameters: evaluation.parameters,
    multiplyAdds: evaluation.multiplyAdds,
    ...(teacher === undefined
      ? {}
      : { 'teacher.agreement': teacher.agreement, 'teacher.kl': teacher.kl }),
  };
}
