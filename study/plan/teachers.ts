import { infoOf } from '../datasets.ts';
import { inputChange, type ChannelMoments } from '../imported-teacher.ts';
import type { TeacherModel } from './teacher-model.ts';
import type { Study } from '../schema.ts';
import type { Teacher, Teaching } from '../spec.ts';

/** Digest of what a trial of this id left for others: its weights, or a teach leg's logits. */
export type BindWeights = (id: string) => string;

/** A teacher, as the plan knows it. */
export type TeacherNode = {
  readonly id: string;
  readonly model: TeacherModel;
  /** The trial that trains it; none where it was trained elsewhere. */
  readonly needs: readonly string[];
  readonly trained: (weights: BindWeights) => Teaching;
};

/**
 * The teacher of that name, the first where none is named; undefined where the study has none, and
 * while nothing is known of one from elsewhere (`pinImports`).
 */
export function teacherOf(study: Study, id: string | undefined): TeacherNode | undefined {
  const teacher = id === undefined ? study.teachers[0] : study.teachers.find((t) => t.id === id);
  return teacher === undefined ? undefined : teacherNodeOf(study, teacher);
}

function teacherNodeOf(study: Study, teacher: Study['teachers'][number]): TeacherNode | undefined {
  const id = `teacher/${teacher.id}`;
  if (!('import' in teacher)) {
    const { model } = teacher;
    return { id, model, needs: [id], trained: (weights) => ({ model, weights: weights(id) }) };
  }
  const { imported } = teacher;
  if (imported === undefined) return undefined;
  const { weights, normalisation } = imported;
  const inputs = normalisation && inputChange(normalisationOf(study), normalisation);
  const rest = { weights, ...(inputs === undefined ? {} : { inputs }) };
  if ('onnx' in imported) {
    const { onnx } = imported;
    return { id, model: { onnx }, needs: [], trained: () => ({ onnx, ...rest }) };
  }
  const { model } = imported;
  return { id, model, needs: [], trained: () => ({ model, ...rest }) };
}

/** What a study normalises its images with. */
function normalisationOf({ dataset }: Study): ChannelMoments {
  const presets: Readonly<Record<string, ChannelMoments>> = infoOf(dataset).presets;
  return presets[dataset.preset] as ChannelMoments;
}

/** The teacher's part of a spec; absent where none is needed. */
export function taught(
  teacher: TeacherNode | undefined,
  weights: BindWeights,
  logits?: string,
): { teacher?: Teacher } {
  if (teacher === undefined) return {};
  const trained = teacher.trained(weights);
  return { teacher: logits === undefined ? trained : { ...trained, logits: weights(logits) } };
}
