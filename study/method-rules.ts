/** What a method refuses: networks it cannot work on, and trainings it does not fit into. */
import { canonicalJson } from './canonical.ts';
import { distillerOf, useOf } from '../distillers/lookup.ts';
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
  const found = teacherOf(study, method.teacher);
  if (found === undefined || info === undefined) return [];
  if ('onnx' in found.model) return featureProblems(path, method, found.id);
  const { name: teacher } = found.model;
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

/** A network of ONNX is asked for its logits: what lies in it has no names that a method knows. */
function featureProblems(path: string, { distillers }: Method, teacher: string): Problem[] {
  return distillers.flatMap(({ name }, index) => {
    const distiller = distillerOf(name);
    if (useOf(distiller) !== 'features') return [];
    const { strongView } = distiller.reads;
    const reads = strongView === true ? 'logits of a second view of every image' : 'features';
    const message = `found "${name}", which reads ${reads}, under ${teacher}, a network of ONNX; allowed: methods that read logits of the images as the cache has them`;
    return [{ path: `${path}.distillers[${index}]`, message }];
  });
}

/** A network of ONNX runs in teach legs alone: both stages have to read the same one. */
export function stageProblems(study: Study): Problem[] {
  const { explain } = study;
  if (explain?.arms.includes('distillation') !== true) return [];
  const teacher = teacherOf(study, explain.teacher);
  if (teacher === undefined || !('onnx' in teacher.model)) return [];
  const ways = [explain.stage1, explain.stage2].map(({ epochs, augment }) =>
    canonicalJson({ epochs, augment }),
  );
  if (ways[0] === ways[1]) return [];
  const message = `found other epochs or augmentation than those of stage1 under ${teacher.id}, a network of ONNX, which runs in no training; allowed: the same in both stages`;
  return [{ path: '$.explain.stage2', message }];
}
