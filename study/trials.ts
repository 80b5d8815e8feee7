import { codeOf, type CodeIndex } from './code.ts';
import { evaluationCost, explanationCost, trainingCost } from './cost.ts';
import { DATASETS } from './datasets.ts';
import type { DistillerSpec, ModelSpec, Study, Train, VamSpec } from './schema.ts';
import type { EvaluateSpec, ExplainSpec, LegSpec, TrainSpec, Trained } from './spec.ts';

/** Digest of the weights that a trial of this id left. */
type BindWeights = (id: string) => string;

/** What the plan needs beside the study: what the store and the build say. */
export type PlanContext = {
  readonly datasetDigest: string;
  readonly code: CodeIndex;
};

/** Part of a study a trial belongs to: the workflow types of the same names run one each. */
export type Section = 'teacher' | 'explain' | 'sweep';

/**
 * One trial of the plan. `needs` names the trials whose weights it is given; its spec, and so its
 * key, is known once those are done (`bindTrial`).
 */
export type TrialNode = {
  /** E.g. `sweep/resnet8/KD/s1029` and `sweep/resnet8/KD/s1029/evaluation`. */
  readonly id: string;
  readonly section: Section;
  readonly kind: LegSpec['kind'];
  readonly needs: readonly string[];
  /** Relative cost: multiply-adds of forward passes; only ratios mean anything. */
  readonly cost: number;
  /** Epochs for progress; 1 for what is not a training. */
  readonly epochs: number;
  /** Builds the spec from the weights' digests of `needs`. Pure. */
  readonly bind: (weights: BindWeights) => LegSpec;
};

/** Seeds of one repetition: initial weights, and data order with augmentation. */
export type Seed = { readonly init: number; readonly data: number };

/** A trained teacher, as the plan knows it: the trial that trains it. */
export type TeacherNode = { readonly id: string; readonly model: ModelSpec };

/** The teacher's part of a spec; absent where none is needed. */
function taught(teacher: TeacherNode | undefined, weights: BindWeights): { teacher?: Trained } {
  return teacher === undefined
    ? {}
    : { teacher: { model: teacher.model, weights: weights(teacher.id) } };
}

/** The fields that every spec of a study shares, with the split filled in. */
function base(study: Study, context: PlanContext) {
  const name = study.dataset.name;
  const info = DATASETS[name];
  const { validation } = study.dataset.split;
  return {
    device: study.device,
    engine: study.engine,
    dataset: {
      name,
      digest: context.datasetDigest,
      preset: study.dataset.preset,
      split: {
        train: study.dataset.split.train ?? info.trainImages - validation,
        validation,
        test: study.dataset.split.test ?? info.testImages,
      },
    },
  };
}

type TrainParts = {
  readonly id: string;
  readonly section: Section;
  readonly model: ModelSpec;
  readonly vam?: VamSpec | undefined;
  readonly gates?: 'soft' | 'hard';
  readonly distillers: readonly DistillerSpec[];
  readonly train: Train;
  readonly seed: Seed;
  readonly teacher?: TeacherNode | undefined;
  readonly parent?: string;
};

/** A training: teacher, student, or one stage of an explainer. */
export function trainNode(study: Study, context: PlanContext, parts: TrainParts): TrialNode {
  const { model, vam, gates, distillers, train, teacher, parent } = parts;
  const common = base(study, context);
  const code = codeOf(context.code, {
    kind: 'train',
    models: teacher === undefined ? [model.name] : [model.name, teacher.model.name],
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
    train,
    seeds: parts.seed,
    ...taught(teacher, weights),
    ...(parent === undefined
      ? {}
      : { parent: { model, gates: 'soft' as const, weights: weights(parent) } }),
  });
  const needs = [teacher?.id, parent].filter((id) => id !== undefined);
  const cost = trainingCost(model, train.epochs, common.dataset.split, teacher?.model);
  return {
    id: parts.id,
    section: parts.section,
    kind: 'train',
    needs,
    cost,
    epochs: train.epochs,
    bind,
  };
}

type Measured = {
  readonly id: string;
  readonly section: Section;
  readonly of: string;
  readonly network: Omit<Trained, 'weights'>;
  readonly teacher?: TeacherNode | undefined;
};

/** The evaluation of one trained network, against its teacher where there is one. */
export function evaluateNode(study: Study, context: PlanContext, parts: Measured): TrialNode {
  const { network, teacher } = parts;
  const common = base(study, context);
  const code = codeOf(context.code, {
    kind: 'evaluate',
    models: teacher === undefined ? [network.model.name] : [network.model.name, teacher.model.name],
    vam: network.vam !== undefined,
  });
  const bind = (weights: BindWeights): EvaluateSpec => ({
    ...common,
    kind: 'evaluate',
    code,
    network: { ...network, weights: weights(parts.of) },
    ...taught(teacher, weights),
  });
  const needs = teacher === undefined ? [parts.of] : [parts.of, teacher.id];
  const cost = evaluationCost(network.model, common.dataset.split, teacher?.model);
  return { id: parts.id, section: parts.section, kind: 'evaluate', needs, cost, epochs: 1, bind };
}

/** The explanation of one arm from its two stages; `root` is the arm's id. */
export function explanationNode(
  study: Study,
  context: PlanContext,
  explain: NonNullable<Study['explain']>,
  root: string,
  teacher: TeacherNode | undefined,
): TrialNode {
  const { model } = explain;
  const common = base(study, context);
  const code = codeOf(context.code, {
    kind: 'explain',
    models: teacher === undefined ? [model.name] : [model.name, teacher.model.name],
  });
  const bind = (weights: BindWeights): ExplainSpec => ({
    ...common,
    kind: 'explain',
    code,
    soft: { model, gates: 'soft', weights: weights(`${root}/soft`) },
    hard: { model, gates: 'hard', weights: weights(`${root}/hard`) },
    ...taught(teacher, weights),
  });
  return {
    id: `${root}/explanation`,
    section: 'explain',
    kind: 'explain',
    needs: [`${root}/soft`, `${root}/hard`, ...(teacher === undefined ? [] : [teacher.id])],
    cost: explanationCost(model, common.dataset.split),
    epochs: 1,
    bind,
  };
}
