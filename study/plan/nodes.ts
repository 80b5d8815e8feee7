import { codeOf, type CodeIndex } from '../code.ts';
import { explanationCost, trainingCost } from './cost.ts';
import { explanationMemoryMiB, trainingMemoryMiB } from './memory.ts';
import { infoOf, isRegistered } from '../datasets.ts';
import { codeModels } from './teacher-model.ts';
import type { DistillerSpec } from '../distillers.ts';
import type { Sizes } from '../models/family.ts';
import type { ModelSpec, Study, VamSpec } from '../schema.ts';
import type { Train } from '../train-schema.ts';
import type { Seed } from './seeds.ts';
import { splitOf } from './split.ts';
import { taught, type BindWeights, type TeacherNode } from './teachers.ts';
import type { Answering, EvaluationToCome, ExplainSpec, LegSpec, TrainSpec } from '../spec.ts';

/** What the plan needs beside the study: what the store and the build say. */
export type PlanContext = {
  readonly datasetDigest: string;
  readonly code: CodeIndex;
};

/** Part of a study a trial belongs to: the workflow types of the same names run one each. */
export type Section = 'teacher' | 'explain' | 'sweep';

/**
 * One trial of the plan. `needs` names the trials whose weights or logits it is given; its spec, and
 * so its key, is known once those are done (`bindTrial`).
 */
export type TrialNode = {
  /** E.g. `sweep/resnet8/KD/s1029` and `sweep/resnet8/KD/s1029/evaluation`. */
  readonly id: string;
  readonly section: Section;
  readonly kind: LegSpec['kind'];
  readonly needs: readonly string[];
  /** Relative cost: multiply-adds of forward passes; only ratios mean anything. */
  readonly cost: number;
  /** Host memory that its leg is given at first. */
  readonly memoryMiB: number;
  /** Epochs for progress; 1 for what is not a training. */
  readonly epochs: number;
  /** Bytes that it is going to store, where that is worth knowing beforehand: a teach leg. */
  readonly bytes?: number;
  /** Of a training: its evaluation, which its leg computes too where what that needs is done by then. */
  readonly evaluation?: {
    readonly trial: string;
    readonly needs: readonly string[];
    readonly bind: (weights: BindWeights) => EvaluationToCome['spec'];
  };
  /** Builds the spec from the digests that `needs` left. Pure. */
  readonly bind: (weights: BindWeights) => LegSpec;
};

/** The fields that every spec of a study shares. */
export function base(study: Study, context: PlanContext) {
  return {
    device: study.device,
    engine: study.engine,
    dataset: {
      name: study.dataset.name,
      digest: context.datasetDigest,
      preset: study.dataset.preset,
      ...sizesOfOther(study),
      split: splitOf(study),
    },
  };
}

/** A registered dataset is the same for every build; the sizes of another one are its manifest's. */
function sizesOfOther({ dataset }: Study): { sizes?: Sizes } {
  if (isRegistered(dataset.name)) return {};
  const { classes, imageSize } = infoOf(dataset);
  return { sizes: { classes, imageSize } };
}

export type TrainParts = {
  readonly id: string;
  readonly section: Section;
  readonly model: ModelSpec;
  readonly vam?: VamSpec | undefined;
  readonly gates?: 'soft' | 'hard';
  readonly distillers: readonly DistillerSpec[];
  readonly answering?: Answering | undefined;
  /** How often a step sees each image; once where absent. */
  readonly views?: number | undefined;
  readonly train: Train;
  readonly seed: Seed;
  readonly teacher?: TeacherNode | undefined;
  /** The teach leg whose logits are read instead of running the teacher. */
  readonly logits?: string | undefined;
  readonly parent?: string;
};

/** A training: teacher, student, or one stage of an explainer. */
export function trainNode(study: Study, context: PlanContext, parts: TrainParts): TrialNode {
  const { model, vam, gates, distillers, answering, train, teacher, logits, parent } = parts;
  const { views = 1 } = parts;
  const runs = logits === undefined ? teacher : undefined;
  const common = base(study, context);
  const code = codeOf(context.code, {
    kind: 'train',
    dataset: common.dataset.name,
    models: codeModels([model, runs?.model]),
    distillers: distillers.map((distiller) => distiller.name),
    vam: vam !== undefined,
  });
  const bind = (weights: BindWeights): TrainSpec => ({
    ...common,
    kind: 'train',
    code,
    model,
    ...(vam === undefined ? {} : { vam }),
    ...(gates === undefined ? {} : { gates }),
    distillers,
    ...(answering === undefined ? {} : { answering }),
    train,
    seeds: parts.seed,
    ...(parts.section === 'teacher' ? { streams: parts.id } : {}),
    ...taught(teacher, weights, logits),
    ...(parent === undefined
      ? {}
      : { parent: { model, gates: 'soft' as const, weights: weights(parent) } }),
  });
  const needs = [...(teacher?.needs ?? []), logits, parent].filter((id) => id !== undefined);
  const seen = { epochs: train.epochs, views };
  const cost = trainingCost(model, seen, common.dataset.split, runs?.model);
  return {
    id: parts.id,
    section: parts.section,
    kind: 'train',
    needs,
    cost,
    memoryMiB: trainingMemoryMiB(study, model, train.batch * views, runs?.model),
    epochs: train.epochs,
    bind,
  };
}

/** One arm of the explainer at one seed. */
export type Arm = {
  /** Its id; those of its trials begin with it. */
  readonly root: string;
  readonly distillers: readonly DistillerSpec[];
  /** What the arm is compared with, whether it learns from it or not. */
  readonly teacher: TeacherNode | undefined;
};

/** The explanation of one arm from its two stages. */
export function explanationNode(
  study: Study,
  context: PlanContext,
  explain: NonNullable<Study['explain']>,
  { root, distillers, teacher }: Arm,
): TrialNode {
  const { model } = explain;
  const common = base(study, context);
  const code = codeOf(context.code, {
    kind: 'explain',
    dataset: common.dataset.name,
    models: codeModels([model, teacher?.model]),
    distillers: distillers.map(({ name }) => name),
  });
  const bind = (weights: BindWeights): ExplainSpec => ({
    ...common,
    kind: 'explain',
    code,
    soft: { model, gates: 'soft', weights: weights(`${root}/soft`) },
    hard: { model, gates: 'hard', weights: weights(`${root}/hard`) },
    distillers,
    ...taught(teacher, weights),
  });
  return {
    id: `${root}/explanation`,
    section: 'explain',
    kind: 'explain',
    needs: [`${root}/soft`, `${root}/hard`, ...(teacher?.needs ?? [])],
    cost: explanationCost(model, common.dataset.split),
    memoryMiB: explanationMemoryMiB(study, model, teacher?.model),
    epochs: 1,
    bind,
  };
}
