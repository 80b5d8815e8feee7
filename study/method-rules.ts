/** What a method refuses: networks it cannot work on, and trainings it does not fit into. */
import { distillerOf } from '../distillers/lookup.ts';
import { knownInfo } from './datasets.ts';
import { featureShapes } from './models/models.ts';
import { trainOf } from './plan/exceptions.ts';
import { teacherOf } from './plan/teachers.ts';
import { splitOf } from './plan/split.ts';
import type { Study } from './schema.ts';

/** One method of the sweep. */
export type Method = NonNullable<Study['sweep']>['methods'][number];
type Problem = { readonly path: string; readonly message: string };

/** Phases before the training: one at most, and shorter than a run whose epochs are not scaled. */
export function phaseProblems({ sweep }: Study, path: string, method: Method): Problem[] {
  const phases = method.distillers.flatMap(({ name, weight: _weight, ...options }, index) => {
    const epochs = distillerOf(name).epochsBefore?.(options);
    return epochs === undefined ? [] : [{ name, epochs, path: `${path}.distillers[${index}]` }];
  });
  const [first, second] = phases;
  if (first === undefined) return [];
  const found = `found "${(second ?? first).name}"`;
  if (second !== undefined) {
    const message = `${found} beside "${first.name}"; allowed: one method that trains before the training`;
    return [{ path: second.path, message }];
  }
  const trainings = sweep?.students.map((student) => trainOf(sweep, { student, method })) ?? [];
  const short = trainings.find(({ scale, epochs }) => !scale && epochs <= first.epochs);
  if (short === undefined) return [];
  const message = `${found}, which trains for ${first.epochs} epochs before the training, in ${short.epochs} epochs that are not scaled; allowed: more epochs`;
  return [{ path: first.path, message }];
}

/** Pairs of student and teacher that a distiller cannot work on, known from their shapes. */
export function pairProblems(study: Study, path: string, method: Method): Problem[] {
  const info = knownInfo(study.dataset);
  const teacher = teacherOf(study, method.teacher)?.model.name;
  if (teacher === undefined || info === undefined) return [];
  const { classes, imageSize } = info;
  const known = {
    classes,
    images: splitOf(study).train,
    teacher: featureShapes(teacher, imageSize),
  };
  return (study.sweep?.students ?? []).flatMap(({ name: student }) => {
    const pair = { ...known, student: featureShapes(student, imageSize) };
    return method.distillers.flatMap(({ name, weight: _weight, ...options }, index) => {
      const reason = distillerOf(name).refuses?.(pair, options);
      if (reason === undefined) return [];
      const message = `found "${name}" for ${student} under ${teacher}: ${reason}`;
      return [{ path: `${path}.distillers[${index}]`, message }];
    });
  });
}
