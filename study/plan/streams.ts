import { codeOf } from '../code.ts';
import { teachingCost } from './cost.ts';
import { predictionMemoryMiB } from './memory.ts';
import { infoOf } from '../datasets.ts';
import { codeModels } from './teacher-model.ts';
import type { Study } from '../schema.ts';
import type { Train } from '../train-schema.ts';
import { cellsOf, trainOf, type Cell } from './exceptions.ts';
import { seedPairs, type Seed } from './seeds.ts';
import type { TeachSpec } from '../spec.ts';
import { splitOf } from './split.ts';
import { base, type PlanContext, type TrialNode } from './nodes.ts';
import { teacherOf, type BindWeights, type TeacherNode } from './teachers.ts';

/**
 * Teach once: what a teacher says of an image depends on how the image is moved, and not on who
 * listens. All trainings that show one teacher the same images in the same epochs can read one cache.
 */
export type TeachStream = {
  /** Id of the teach leg: equal for equal streams. */
  readonly id: string;
  readonly section: TrialNode['section'];
  readonly teacher: TeacherNode;
  readonly augment: Train['augment'];
  readonly epochs: number;
  readonly data: number;
};

const HALF_PRECISION_BYTES = 2;

function streamOf(
  section: TeachStream['section'],
  teacher: TeacherNode | undefined,
  { augment, epochs }: Pick<Train, 'augment' | 'epochs'>,
  { data }: Seed,
): TeachStream | undefined {
  if (teacher === undefined) return undefined;
  const moves = `pad${augment.pad}${augment.flip ? '-flip' : ''}`;
  const id = `${teacher.id}/teach/${moves}-e${epochs}/d${data}`;
  return { id, section, teacher, augment, epochs, data };
}

/** Whether a teacher runs in teach legs alone: where the study says so, and always of ONNX. */
function isCached({ teacher: choice }: Study, teacher: TeacherNode | undefined): boolean {
  return choice.cache === 'logits' || (teacher !== undefined && 'onnx' in teacher.model);
}

/** The stream that a student reads; undefined where it has no teacher or has to run it. */
export function studentStream(study: Study, cell: Cell, seed: Seed): TeachStream | undefined {
  const { sweep } = study;
  const { reads, teacher: named } = cell.method;
  const teacher = teacherOf(study, named);
  if (sweep === undefined || reads !== 'logits' || !isCached(study, teacher)) return undefined;
  return streamOf('sweep', teacher, trainOf(sweep, cell), seed);
}

/**
 * The stream that both stages of the distilled arm read. Where they differ in length or augmentation
 * each would be the only reader of its own, which saves nothing: then they run the teacher.
 */
export function armStream(study: Study, seed: Seed): TeachStream | undefined {
  const { explain } = study;
  if (explain === undefined) return undefined;
  const teacher = teacherOf(study, explain.teacher);
  if (!isCached(study, teacher)) return undefined;
  const soft = streamOf('explain', teacher, explain.stage1, seed);
  const hard = streamOf('explain', teacher, explain.stage2, seed);
  return soft?.id === hard?.id ? soft : undefined;
}

/** All streams that trainings of a study read, each once. */
export function teachStreams(study: Study): readonly TeachStream[] {
  const { explain, sweep, seeds } = study;
  const pairs = seedPairs(seeds);
  const ofArms = explain?.arms.includes('distillation') === true;
  const streams = [
    ...(ofArms ? pairs.slice(0, explain.seeds).map((seed) => armStream(study, seed)) : []),
    ...(sweep === undefined ? [] : cellsOf(sweep)).flatMap((cell) =>
      pairs.map((seed) => studentStream(study, cell, seed)),
    ),
  ].filter((stream) => stream !== undefined);
  return [...new Map(streams.map((stream) => [stream.id, stream])).values()];
}

/** What the logits of one stream take in the store: epochs × images × classes at two bytes each. */
export function logitsBytes(study: Study, { epochs }: Pick<TeachStream, 'epochs'>): number {
  const { classes } = infoOf(study.dataset);
  return epochs * splitOf(study).train * classes * HALF_PRECISION_BYTES;
}

/** The teach leg of one stream. */
export function teachNode(study: Study, context: PlanContext, stream: TeachStream): TrialNode {
  const { id, section, teacher, augment, epochs, data } = stream;
  const common = base(study, context);
  const code = codeOf(context.code, {
    kind: 'teach',
    dataset: common.dataset.name,
    models: codeModels([teacher.model]),
  });
  const bind = (weights: BindWeights): TeachSpec => ({
    ...common,
    kind: 'teach',
    code,
    teacher: teacher.trained(weights),
    augment,
    epochs,
    seeds: { data },
  });
  return {
    ...{ id, section, kind: 'teach', needs: teacher.needs, epochs, bind },
    cost: teachingCost(teacher.model, epochs, common.dataset.split),
    memoryMiB: predictionMemoryMiB(study, [teacher.model]),
    bytes: logitsBytes(study, stream),
  };
}
