import type { Distiller, RunPosition, Step } from '../../distillers/contract.ts';
import { distillerOf, teacherUse, useOf, type TeacherUse } from '../../distillers/lookup.ts';
import { KdxError } from '../../leg/errors.ts';
import { sizesOf } from '../../study/datasets.ts';
import { featureShapes, type ModelName } from '../../study/models/models.ts';
import type { TrainSpec } from '../../study/spec.ts';
import { tf } from '../engine/backend.ts';
import type { Modules } from '../engine/builder.ts';
import type { Network, Parameter } from '../engine/network.ts';
import { seedIn } from '../engine/random.ts';
import { ADD_ONS } from '../models/registry.ts';
import { earlyOf, type Early, type StepLoss, type Weighted } from './early.ts';
import type { Head } from './answering.ts';
import { createSites, type Ground, type Sites } from './site.ts';

/** L = Σ weight · share · term, with all that its terms train and remember beside the student. */
export type Objective = {
  /** Names of the terms, in the order of their sum. */
  readonly terms: readonly string[];
  /** What all terms together read of the teacher. */
  readonly teacher: TeacherUse;
  /** Whether a term reads maps before their ReLU. */
  readonly readsPreActivations: boolean;
  /** Whether a term reads the place of each image in the training split. */
  readonly readsRows: boolean;
  /** Whether a term reads a strong view of each image. */
  readonly readsStrongView: boolean;
  /** The total, and every term without its weight. */
  readonly loss: StepLoss;
  /** A phase in front of the training, and what it trains beside the student. */
  readonly before?: Early;
  /** Helper modules and memories. */
  readonly helpers: Modules;
  /** The part of them that is trained with the student. */
  readonly trained: readonly Parameter[];
  /** What the student answers through, where a term asks for it. */
  readonly head?: Head;
} & Pick<Sites, 'feedsAt' | 'replaceMemories' | 'dispose'>;

/** A method as a study asks for it. */
type Request = {
  readonly distiller: Distiller;
  readonly weight: number;
  readonly options: Readonly<Record<string, unknown>>;
};

/**
 * Builds the loss of a training: the distillers of the spec and, with VAM, the entropy of its
 * attention.
 *
 * @throws KdxError SpecInvalid where a term occurs twice, needs a teacher that is not there, or
 *   cannot work on these networks
 */
export function createObjective(
  spec: Pick<TrainSpec, 'distillers' | 'vam' | 'teacher'>,
  ground: Ground,
): Objective {
  const requests = requestsOf(spec);
  checkRequests(requests, spec, ground);
  const sites = createSites(ground);
  const weighted = requests.map((request) => build(request, sites));
  const parameters = [...sites.built().trainable.values()];
  const { answer } = weighted.find((term) => term.answer !== undefined) ?? {};
  const early = earlyOf(
    weighted,
    parameters.filter(({ name }) => sites.early.has(name)),
  );
  return {
    terms: weighted.map(({ name }) => name),
    teacher: teacherUse(spec.distillers.map(({ name }) => name)),
    readsPreActivations: requests.some(({ distiller }) => distiller.reads.preActivations === true),
    readsRows: requests.some(({ distiller }) => distiller.reads.rows === true),
    readsStrongView: requests.some(({ distiller }) => distiller.reads.strongView === true),
    loss: (step) => sumOf(weighted, step),
    ...(early === undefined ? {} : { before: early }),
    helpers: sites.built(),
    trained: parameters.filter(({ name }) => !sites.early.has(name)),
    ...(answer === undefined ? {} : { head: { answer, modules: sites.head() } }),
    feedsAt: sites.feedsAt,
    replaceMemories: sites.replaceMemories,
    dispose: sites.dispose,
  };
}

function requestsOf({ distillers, vam }: Pick<TrainSpec, 'distillers' | 'vam'>): Request[] {
  const requests = distillers.map(({ name, weight, ...options }): Request => {
    return { distiller: distillerOf(name), weight, options };
  });
  if (vam === undefined) return requests;
  return [...requests, { distiller: ADD_ONS.vam.entropy, weight: vam.entropyWeight, options: {} }];
}

function checkRequests(
  requests: readonly Request[],
  { teacher }: Pick<TrainSpec, 'teacher'>,
  { pair }: Ground,
): void {
  const names = requests.map(({ distiller }) => distiller.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new KdxError('SpecInvalid', `distillers: ${twice} occurs twice; allowed: once each.`);
  }
  for (const { distiller, options } of requests) {
    const { name, reads, refuses } = distiller;
    if (reads.teacher === undefined) continue;
    if (teacher === undefined) {
      throw new KdxError(
        'SpecInvalid',
        `distillers: ${name} needs a teacher, but the spec has none.`,
      );
    }
    if (useOf(distiller) === 'features' && teacher.logits !== undefined) {
      const wanted = reads.strongView === true ? 'what it says of strong views' : 'features';
      const message = `teacher.logits is set, but the distiller ${name} needs ${wanted}; allowed: a teacher without it.`;
      throw new KdxError('SpecInvalid', message);
    }
    const reason = refuses?.call(distiller, pair, options);
    if (reason !== undefined) throw new KdxError('SpecInvalid', `distillers: ${name}: ${reason}.`);
  }
}

function build({ distiller, weight, options }: Request, sites: Sites): Weighted {
  const site = sites.of(distiller.name);
  const { loss, answer, ...term } = distiller.build(site, options);
  const publishedEpochs = distiller.epochsBefore?.(options) ?? 0;
  const before = term.before === undefined ? undefined : { ...term.before, publishedEpochs };
  const share = distiller.share?.bind(distiller);
  const { name } = distiller;
  const isTaught = distiller.reads.teacher !== undefined;
  const built = { name, isTaught, loss, answer, before };
  if (share === undefined) return { ...built, weigh: (value) => tf.mul(value, weight) };
  const current = site.scalar(
    'weight',
    (position: RunPosition) => weight * share(position, options),
  );
  return { ...built, weigh: (value, step) => tf.mul(value, current(step)) };
}

function sumOf(weighted: readonly Weighted[], step: Step) {
  const terms: Record<string, tf.Scalar> = {};
  const parts: tf.Scalar[] = [];
  const sides: Record<'task' | 'taught', tf.Scalar[]> = { task: [], taught: [] };
  for (const { name, isTaught, loss, weigh } of weighted) {
    const value = loss(step);
    const part = weigh(value, step);
    terms[name] = value;
    parts.push(part);
    sides[isTaught ? 'taught' : 'task'].push(part);
  }
  return { total: tf.addN<tf.Scalar>(parts), terms, sides };
}

/**
 * What the loss of a training is built from.
 *
 * @param classOfRow by row of the training split
 * @param taught the teacher’s network, where a method takes tensors of it
 */
export function groundOf(
  {
    model,
    teacher,
    dataset,
    seeds,
    streams,
  }: Pick<TrainSpec, 'model' | 'teacher' | 'dataset' | 'seeds' | 'streams'>,
  classOfRow: Int32Array,
  taught?: Network,
): Ground {
  const { classes, imageSize } = sizesOf(dataset);
  const shapes = (name: ModelName) => featureShapes(name, imageSize);
  const pair = {
    student: shapes(model.name),
    teacher: teacher === undefined || 'onnx' in teacher ? { maps: [] } : shapes(teacher.model.name),
    ...{ classes, images: dataset.split.train },
  };
  return {
    pair,
    classOfRow,
    seeds: { init: seedIn(seeds.init, streams), data: seedIn(seeds.data, streams) },
    ...(taught === undefined ? {} : { teacherTensor: tensorsOf(taught) }),
  };
}

function tensorsOf({ trainable, options }: Network): (name: string) => Float32Array {
  return (name) => {
    const variable = trainable.get(name)?.variable;
    if (variable !== undefined) return variable.dataSync<'float32'>();
    throw new KdxError('CodeBug', `The teacher ${options.model} has no tensor ${name}.`);
  };
}
