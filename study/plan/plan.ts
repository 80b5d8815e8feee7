import { digestJson } from '../canonical.ts';
import type { ArmName } from '../catalog.ts';
import type { DistillerSpec } from '../distillers.ts';
import type { Study } from '../schema.ts';
import type { Train } from '../train-schema.ts';
import { cellsOf, trainOf, type Cell } from './exceptions.ts';
import { broughtNode, evaluatedNodes } from './evaluated.ts';
import { seedPairs, type Seed } from './seeds.ts';
import type { Answering, EvaluationToCome, LegSpec } from '../spec.ts';
import { armStream, studentStream, teachNode, teachStreams } from './streams.ts';
import {
  explanationNode,
  trainNode,
  type PlanContext,
  type Section,
  type TrialNode,
} from './nodes.ts';
import { teacherOf, type BindWeights, type TeacherNode } from './teachers.ts';

export { seedPairs } from './seeds.ts';
export type { PlanContext, Section, TrialNode } from './nodes.ts';

/** What finished trials hand on to those that need them, by id: digests of weights or logits. */
export type Weights = ReadonlyMap<string, string>;

/** The file of a trial's result that it hands on; undefined where it has none. */
export function handedOn<File>(
  { kind }: Pick<TrialNode, 'kind'>,
  files: Readonly<Record<string, File>>,
): File | undefined {
  return files[kind === 'teach' ? 'logits' : 'weights'];
}

/** A trial with its spec bound: what one leg computes, and the name of its result. */
export type BoundTrial = { readonly id: string; readonly key: string; readonly spec: LegSpec };

/** Expands a resolved study into the graph of its trials. Pure; the order is the order of the report. */
export function expandStudy(study: Study, context: PlanContext): readonly TrialNode[] {
  return [
    ...study.teachers.flatMap((teacher) => teacherNodes(study, context, teacher)),
    ...teachStreams(study).map((stream) => teachNode(study, context, stream)),
    ...explainNodes(study, context),
    ...sweepNodes(study, context),
  ];
}

/** Binds a trial to what it needs of others; throws when one of them is not done yet. */
export function bindTrial(node: TrialNode, weights: Weights): BoundTrial {
  const spec = node.bind(bindIn(weights, node.id));
  return { id: node.id, key: digestJson(spec), spec };
}

/** The evaluation that the leg of a training is to compute too; undefined where it cannot know all of it. */
export function bindEvaluation(node: TrialNode, weights: Weights): EvaluationToCome | undefined {
  const { evaluation } = node;
  if (evaluation?.needs.every((id) => weights.has(id)) !== true) return undefined;
  const { trial, bind } = evaluation;
  return { trial, spec: bind(bindIn(weights, trial)) };
}

function bindIn(weights: Weights, trial: string): BindWeights {
  return (id) => {
    const digest = weights.get(id);
    if (digest === undefined) throw new Error(`${trial} needs what ${id} leaves`);
    return digest;
  };
}

/** The trials of one section with all that they need, in plan order. */
export function restrictTo(
  nodes: readonly TrialNode[],
  sections: readonly Section[],
): readonly TrialNode[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const wanted = new Set<string>();
  const want = (id: string): void => {
    if (wanted.has(id)) return;
    wanted.add(id);
    byId.get(id)?.needs.forEach(want);
  };
  nodes.filter((node) => sections.includes(node.section)).forEach((node) => want(node.id));
  return nodes.filter((node) => wanted.has(node.id));
}

function teacherNodes(
  study: Study,
  context: PlanContext,
  teacher: Study['teachers'][number],
): TrialNode[] {
  const id = `teacher/${teacher.id}`;
  if ('import' in teacher) {
    const brought = teacherOf(study, teacher.id);
    if (brought !== undefined) return [broughtNode(study, context, brought)];
    throw new Error(`The teacher ${teacher.id} is not pinned: nothing is known of its import.`);
  }
  const [seed] = seedPairs(study.seeds);
  const parts = {
    id,
    section: 'teacher',
    model: teacher.model,
    distillers: [{ name: 'ce', weight: 1 }],
    train: teacher.train,
    seed: seed ?? { init: 0, data: 0 },
  } as const;
  return [...evaluatedNodes(study, context, parts, undefined)];
}

/** Loss terms of an arm: hard label, label smoothing (ε), or KD 0.1/0.9 at T (science §1.6). */
export function armDistillers(
  arm: ArmName,
  explain: NonNullable<Study['explain']>,
): DistillerSpec[] {
  if (explain.objective === 'binary') return binaryDistillers(arm, explain);
  if (arm === 'hard-label') return [{ name: 'ce', weight: 1 }];
  if (arm === 'label-smoothing') return [{ name: 'ls', weight: 1, smoothing: explain.smoothing }];
  return [
    { name: 'ce', weight: 0.1 },
    { name: 'kd', weight: 0.9, temperature: explain.temperature },
  ];
}

/** The same where every head decides on its own class. */
function binaryDistillers(
  arm: ArmName,
  { smoothing, temperature }: NonNullable<Study['explain']>,
): DistillerSpec[] {
  if (arm === 'hard-label') return [{ name: 'binary_ce', weight: 1, smoothing: 0 }];
  if (arm === 'label-smoothing') return [{ name: 'binary_ce', weight: 1, smoothing }];
  return [
    { name: 'binary_ce', weight: 0.1, smoothing: 0 },
    { name: 'binary_kd', weight: 0.9, temperature },
  ];
}

function explainNodes(study: Study, context: PlanContext): TrialNode[] {
  const explain = study.explain;
  if (explain === undefined) return [];
  const seeds = seedPairs(study.seeds).slice(0, explain.seeds);
  return explain.arms.flatMap((arm) =>
    seeds.flatMap((seed) => armNodes(study, context, explain, arm, seed)),
  );
}

function armNodes(
  study: Study,
  context: PlanContext,
  explain: NonNullable<Study['explain']>,
  arm: ArmName,
  seed: Seed,
): TrialNode[] {
  const root = `explain/${arm}/s${seed.init}`;
  const teacher = teacherOf(study, explain.teacher);
  const taught = arm === 'distillation' ? teacher : undefined;
  const distillers = armDistillers(arm, explain);
  const shared = {
    section: 'explain',
    model: explain.model,
    distillers,
    seed,
    teacher: taught,
    logits: taught === undefined ? undefined : armStream(study, seed)?.id,
  } as const;
  const soft = trainNode(study, context, {
    ...shared,
    id: `${root}/soft`,
    gates: 'soft',
    train: explain.stage1,
  });
  const hard = trainNode(study, context, {
    ...shared,
    id: `${root}/hard`,
    gates: 'hard',
    train: explain.stage2,
    parent: soft.id,
  });
  return [soft, hard, explanationNode(study, context, explain, { root, distillers, teacher })];
}

function sweepNodes(study: Study, context: PlanContext): TrialNode[] {
  const sweep = study.sweep;
  if (sweep === undefined) return [];
  return cellsOf(sweep).flatMap((cell) =>
    seedPairs(study.seeds).flatMap((seed) => {
      const train = trainOf(sweep, cell);
      return studentNodes(study, context, { ...cell, train }, seed);
    }),
  );
}

type Method = NonNullable<Study['sweep']>['methods'][number];

/** How the students of a method answer, where not through their own classifiers. */
function answeringOf(
  { distillers, answers }: Method,
  teacher: TeacherNode | undefined,
): Answering | undefined {
  const distiller = distillers.find(({ name }) => name === answers);
  // A network of ONNX has no classifier to lend: the rules have refused it.
  if (distiller === undefined || teacher === undefined || 'onnx' in teacher.model) return undefined;
  return { distiller, teacher: teacher.model.name };
}

function studentNodes(
  study: Study,
  context: PlanContext,
  { student: model, method, train }: Cell & { readonly train: Train },
  seed: Seed,
): TrialNode[] {
  const id = `sweep/${model.name}/${method.id}/s${seed.init}`;
  const teacher = teacherOf(study, method.teacher);
  const taught = method.reads === 'nothing' ? undefined : teacher;
  const parts = {
    id,
    section: 'sweep',
    model,
    vam: method.vam,
    distillers: method.distillers,
    answering: answeringOf(method, taught),
    views: method.views,
    train,
    seed,
    teacher: taught,
    logits: studentStream(study, { student: model, method }, seed)?.id,
  } as const;
  return [...evaluatedNodes(study, context, parts, teacher)];
}
