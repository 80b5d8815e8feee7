import { digestJson } from './canonical.ts';
import { TAUGHT_DISTILLERS, type ArmName } from './catalog.ts';
import type { DistillerSpec, ModelSpec, Study } from './schema.ts';
import type { LegSpec } from './spec.ts';
import {
  evaluateNode,
  explanationNode,
  trainNode,
  type PlanContext,
  type Section,
  type Seed,
  type TrialNode,
} from './trials.ts';

export type { PlanContext, Section, TrialNode } from './trials.ts';

/** What a finished trial hands on to those that need it. */
export type Weights = ReadonlyMap<string, string>;

/** A trial with its spec bound: what one leg computes, and the name of its result. */
export type BoundTrial = { readonly id: string; readonly key: string; readonly spec: LegSpec };

/** Expands a resolved study into the graph of its trials. Pure; the order is the order of the report. */
export function expandStudy(study: Study, context: PlanContext): readonly TrialNode[] {
  return [
    ...study.teachers.flatMap((teacher) => teacherNodes(study, context, teacher)),
    ...explainNodes(study, context),
    ...sweepNodes(study, context),
  ];
}

/** Binds a trial to the weights it needs; throws when one of them is not there yet. */
export function bindTrial(node: TrialNode, weights: Weights): BoundTrial {
  const spec = node.bind((id) => {
    const digest = weights.get(id);
    if (digest === undefined) throw new Error(`${node.id} needs the weights of ${id}`);
    return digest;
  });
  return { id: node.id, key: digestJson(spec), spec };
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

/** Seed pairs: init and data seeds of the same position belong together (the shorter list repeats). */
export function seedPairs(seeds: Study['seeds']): readonly Seed[] {
  const count = Math.max(seeds.init.length, seeds.data.length);
  return Array.from({ length: count }, (_, i) => ({
    init: seeds.init[i % seeds.init.length] ?? 0,
    data: seeds.data[i % seeds.data.length] ?? 0,
  }));
}

function teacherNodes(
  study: Study,
  context: PlanContext,
  teacher: Study['teachers'][number],
): TrialNode[] {
  const id = `teacher/${teacher.id}`;
  const [seed] = seedPairs(study.seeds);
  const trained = trainNode(study, context, {
    id,
    section: 'teacher',
    model: teacher.model,
    distillers: [{ name: 'ce', weight: 1 }],
    train: teacher.train,
    seed: seed ?? { init: 0, data: 0 },
  });
  const network = { model: teacher.model };
  return [
    trained,
    evaluateNode(study, context, { id: `${id}/evaluation`, section: 'teacher', of: id, network }),
  ];
}

function teacherOf(study: Study, id: string | undefined) {
  const teacher = id === undefined ? study.teachers[0] : study.teachers.find((t) => t.id === id);
  return teacher === undefined ? undefined : { id: `teacher/${teacher.id}`, model: teacher.model };
}

/** Loss terms of an arm: hard label, label smoothing (ε), or KD 0.1/0.9 at T (science §1.6). */
export function armDistillers(
  arm: ArmName,
  explain: NonNullable<Study['explain']>,
): DistillerSpec[] {
  if (arm === 'hard-label') return [{ name: 'ce', weight: 1 }];
  if (arm === 'label-smoothing') return [{ name: 'ls', weight: 1, smoothing: explain.smoothing }];
  return [
    { name: 'ce', weight: 0.1 },
    { name: 'kd', weight: 0.9, temperature: explain.temperature },
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
  return [soft, hard, explanationNode(study, context, explain, root, teacher)];
}

function sweepNodes(study: Study, context: PlanContext): TrialNode[] {
  const sweep = study.sweep;
  if (sweep === undefined) return [];
  return sweep.students.flatMap((model) =>
    sweep.methods.flatMap((method) =>
      seedPairs(study.seeds).flatMap((seed) => studentNodes(study, context, model, method, seed)),
    ),
  );
}

type Method = NonNullable<Study['sweep']>['methods'][number];

function studentNodes(
  study: Study,
  context: PlanContext,
  model: ModelSpec,
  method: Method,
  seed: Seed,
): TrialNode[] {
  const id = `sweep/${model.name}/${method.id}/s${seed.init}`;
  const teacher = teacherOf(study, method.teacher);
  const taught = method.distillers.some(({ name }) => TAUGHT_DISTILLERS.includes(name))
    ? teacher
    : undefined;
  const train = study.sweep?.train;
  if (train === undefined) return [];
  const network = method.vam === undefined ? { model } : { model, vam: method.vam };
  return [
    trainNode(study, context, {
      id,
      section: 'sweep',
      model,
      vam: method.vam,
      distillers: method.distillers,
      train,
      seed,
      teacher: taught,
    }),
    evaluateNode(study, context, {
      id: `${id}/evaluation`,
      section: 'sweep',
      of: id,
      network,
      teacher,
    }),
  ];
}
