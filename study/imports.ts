import { infoOf } from './datasets.ts';
import type { ImportedTeacher } from './imported-teacher.ts';
import { MODELS } from './models/registry.ts';
import { ruleProblems, type Problem } from './rules.ts';
import type { Study } from './schema.ts';

/** Names of the teachers that a study brings from elsewhere. */
export function importsOf({ teachers }: Study): readonly string[] {
  return teachers.flatMap((teacher) => ('import' in teacher ? [teacher.import] : []));
}

/**
 * Puts what the store knows of them into a study, which then says all that its plan depends on, and
 * asks the rules again: they know now which networks teach.
 *
 * @param found by name; what is absent is not in the store
 */
export function pinImports(
  study: Study,
  found: ReadonlyMap<string, ImportedTeacher>,
):
  | { readonly ok: true; readonly study: Study }
  | { readonly ok: false; readonly problems: readonly Problem[] } {
  const teachers = study.teachers.map((teacher) => {
    const imported = 'import' in teacher ? found.get(teacher.import) : undefined;
    return imported === undefined ? teacher : { ...teacher, imported };
  });
  const pinned = { ...study, teachers };
  const problems = teachers.flatMap((_, index) => importProblems(pinned, index));
  const all = problems.length > 0 ? problems : ruleProblems(pinned);
  return all.length === 0 ? { ok: true, study: pinned } : { ok: false, problems: all };
}

function importProblems({ teachers, dataset }: Study, index: number): readonly Problem[] {
  const teacher = teachers[index];
  if (teacher === undefined || !('import' in teacher)) return [];
  const { import: name, imported } = teacher;
  const problem = (message: string): Problem[] => [
    { path: `$.teachers[${index}].import`, message: `found "${name}"${message}` },
  ];
  if (imported === undefined) {
    return problem('; allowed: a teacher that is in the store (kdx teacher list, kdx teacher add)');
  }
  const { classes, imageSize } = infoOf(dataset);
  if (imported.classes !== classes) {
    return problem(
      `, which tells ${imported.classes} classes apart; allowed: ${classes}, as ${dataset.name} has`,
    );
  }
  if ('onnx' in imported) {
    const { imageSize: own = imageSize } = imported;
    if (own === imageSize) return [];
    return problem(
      `, which takes images of ${own} pixels; allowed: of ${imageSize}, as ${dataset.name} has`,
    );
  }
  const { name: model } = imported.model;
  const multiple = MODELS[model].sizeMultiple({});
  if (imageSize % multiple !== 0) {
    return problem(`, a ${model}; allowed: for images of a multiple of ${multiple} pixels`);
  }
  return [];
}
