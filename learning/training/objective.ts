import type { Distiller, Knowledge, RunPosition, Step, Term } from '../../distillers/contract.ts';
import { distillerOf, teacherUse, type TeacherUse } from '../../distillers/lookup.ts';
import { KdxError } from '../../leg/errors.ts';
import { DATASETS } from '../../study/datasets.ts';
import { featureShapes, type ModelName } from '../../study/models/models.ts';
import type { TrainSpec } from '../../study/spec.ts';
import { tf } from '../engine/backend.ts';
import type { Modules } from '../engine/builder.ts';
import { seedIn } from '../engine/random.ts';
import { ADD_ONS } from '../models/registry.ts';
import { createSites, type Ground, type Sites } from './site.ts';

/** L = Σ weight · share · term, with all that its terms train and remember beside the student. */
export type Objective = {
  /** Names of the terms, in the order of their sum. */
  readonly terms: readonly string[];
  /** What all terms together read of the teacher. */
  readonly teacher: TeacherUse;
  /** Whether a term reads the place of each image in the training split. */
  readonly readsRows: boolean;
  /** The total, and every term without its weight. */
  readonly loss: (step: Step) => {
    readonly total: tf.Scalar;
    readonly terms: Readonly<Record<string, tf.Scalar>>;
  };
  /** Helper modules and memories. */
  readonly helpers: Modules;
} & Pick<Sites, 'feedsAt' | 'replaceMemories' | 'dispose'>;

/** A method as a study asks for it. */
type Request = {
  readonly distiller: Distiller;
  readonly weight: number;
  readonly options: Readonly<Record<string, unknown>>;
};

/** A term, and what puts its weight on it. */
type Weighted = {
  readonly name: string;
  readonly loss: Term['loss'];
  readonly weigh: (loss: tf.Scalar, step: Step) => tf.Scalar;
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
  return {
    terms: weighted.map(({ name }) => name),
    teacher: teacherUse(spec.distillers.map(({ name }) => name)),
    readsRows: requests.some(({ distiller }) => distiller.reads.rows === true),
    loss: (step) => sumOf(weighted, step),
    helpers: sites.built(),
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
    if (reads.teacher === 'features' && teacher.logits !== undefined) {
      const message = `teacher.logits is set, but the distiller ${name} needs features; allowed: a teacher without it.`;
      throw new KdxError('SpecInvalid', message);
    }
    const reason = refuses?.call(distiller, pair, options);
    if (reason !== undefined) throw new KdxError('SpecInvalid', `distillers: ${name}: ${reason}.`);
  }
}

function build({ distiller, weight, options }: Request, sites: Sites): Weighted {
  const site = sites.of(distiller.name);
  const { loss } = distiller.build(site, options);
  const share = distiller.share?.bind(distiller);
  if (share === undefined) {
    return { name: distiller.name, loss, weigh: (value) => tf.mul(value, weight) };
  }
  const current = site.scalar(
    'weight',
    (position: RunPosition) => weight * share(position, options),
  );
  return { name: distiller.name, loss, weigh: (value, step) => tf.mul(value, current(step)) };
}

function sumOf(weighted: readonly Weighted[], step: Step) {
  const terms: Record<string, tf.Scalar> = {};
  const parts: tf.Scalar[] = [];
  for (const { name, loss, weigh } of weighted) {
    const value = loss(step);
    terms[name] = value;
    parts.push(weigh(value, step));
  }
  return { total: tf.addN<tf.Scalar>(parts), terms };
}

/** What the loss of a training is built from. @param classOfRow by row of the training split */
export function groundOf(
  {
    model,
    teacher,
    dataset,
    seeds,
    streams,
  }: Pick<TrainSpec, 'model' | 'teacher' | 'dataset' | 'seeds' | 'streams'>,
  classOfRow: Int32Array,
): Ground {
  const { classes, imageSize } = DATASETS[dataset.name];
  const shapes = (name: ModelName) => featureShapes(name, imageSize);
  const pair = {
    student: shapes(model.name),
    teacher: teacher === undefined ? { maps: [] } : shapes(teacher.model.name),
    ...{ classes, images: dataset.split.train },
  };
  return {
    pair,
    classOfRow,
    seeds: { init: seedIn(seeds.init, streams), data: seedIn(seeds.data, streams) },
  };
}

/** Parameters that the loss of a training trains beside the student. */
export function helperParameters(spec: TrainSpec): number {
  const objective = createObjective(spec, groundOf(spec, new Int32Array(spec.dataset.split.train)));
  const { parameterCount } = objective.helpers;
  objective.dispose();
  return parameterCount;
}

/** The tensors of a forward pass that losses may read. */
export function knowledgeOf(forward: {
  readonly logits: tf.Tensor2D;
  readonly features: readonly tf.Tensor[];
  readonly pooled?: tf.Tensor2D;
  readonly vamEntropy?: tf.Scalar;
}): Knowledge {
  const { logits, features, pooled, vamEntropy } = forward;
  return {
    logits,
    maps: features.filter(({ rank }) => rank === 4) as tf.Tensor4D[],
    ...(pooled === undefined ? {} : { embedding: pooled }),
    ...(vamEntropy === undefined ? {} : { attentionEntropy: vamEntropy }),
  };
}
