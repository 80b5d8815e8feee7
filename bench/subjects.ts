import { parseCount, usageError } from './options.ts';

/** What is measured, a row of a table: a network, its width where it has one, and its teacher. */
export type Subject = {
  readonly name: string;
  readonly model: string;
  readonly teacher?: string;
  readonly width?: number;
};

/** The distillation that is measured beside the zoo. */
export const DISTILLATION = 'kd_resnet56_resnet20';

function findDistillation(name: string, models: readonly string[]): Subject | undefined {
  const taughtBy = (teacher: string): Subject[] =>
    models
      .filter((model) => name === `kd_${teacher}_${model}`)
      .map((model) => ({ name, model, teacher }));
  return models.flatMap(taughtBy)[0];
}

/**
 * Reads `resnet20`, `hme_ltb` (64 channels), `hme_ltb:16`, and `kd_resnet56_resnet20`: teacher, then
 * student.
 *
 * @throws KdxError SpecInvalid where a model is not one of `models`
 */
export function parseSubject(
  name: string,
  models: readonly string[],
  option = '--models',
): Subject {
  const distilled = findDistillation(name, models);
  if (distilled !== undefined) return distilled;
  const [model = '', width] = name.split(':');
  const hasWidth = model === 'hme_ltb';
  if (!models.includes(model) || (width !== undefined && !hasWidth)) {
    const allowed = `${models.join(', ')}; hme_ltb:<width>; kd_<teacher>_<student>`;
    throw usageError(option, name, allowed);
  }
  return { name, model, ...(width === undefined ? {} : { width: parseCount(name, width) }) };
}

/** Reads names separated by commas. @throws KdxError SpecInvalid */
export function parseSubjects(value: string, models: readonly string[]): Subject[] {
  const names = new Set(value.split(',').map((name) => name.trim()));
  return [...names].map((name) => parseSubject(name, models));
}

/** Every model there is, then the distillation. */
export function allSubjects(models: readonly string[]): Subject[] {
  return [...models, DISTILLATION].map((name) => parseSubject(name, models));
}
