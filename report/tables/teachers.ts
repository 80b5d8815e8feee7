import { infoOf } from '../../study/datasets.ts';
import type { Study } from '../../study/schema.ts';
import { missing, quantity, type Prose, type Table } from '../page/content.ts';
import { listed, magnitude } from '../format.ts';
import { absence, valueCell } from './measures.ts';
import type { ImportedTeacher } from '../../study/imported-teacher.ts';
import type { TeacherTrials } from '../trials.ts';

/** The teachers: accuracy, calibration, size. */
export function teachersTable(teachers: readonly TeacherTrials[]): Table {
  return {
    id: 'teachers',
    caption: `${teachers.length === 1 ? 'The teacher' : 'The teachers'} on the test images, last epoch.`,
    columns: [
      { label: 'Teacher' },
      { label: 'top-1, %', numeric: true },
      { label: 'top-5, %', numeric: true },
      { label: 'best on test, %', numeric: true, hint: 'optimistic: chosen by the test images' },
      { label: 'NLL, nats', numeric: true },
      { label: 'ECE, %', numeric: true, hint: 'expected calibration error, 15 bins' },
      { label: 'parameters', numeric: true },
    ],
    rows: teachers.map(({ id, model, training, evaluation }) => {
      const scores = evaluation?.evaluation;
      const score = (value: number | undefined, decimals: number, what: string): Prose => [
        valueCell(evaluation, value, { decimals, what }),
      ];
      const best = training?.result?.metrics['test.top1.best'];
      return {
        head: [id === model ? id : `${id} (${model})`],
        cells: [
          score(scores?.top1, 2, 'test accuracy'),
          score(scores?.top5, 2, 'true class among the first five'),
          [
            valueCell(training, best, {
              decimals: 2,
              what: 'best test accuracy of any epoch (optimistic)',
              tone: 'optimistic',
            }),
          ],
          score(scores?.nll, 3, 'test negative log-likelihood'),
          score(scores?.ece, 2, 'expected calibration error'),
          [
            scores === undefined || evaluation === undefined
              ? missing('not measured')
              : quantity(magnitude(scores.parameters), [evaluation], 'trainable scalars'),
          ],
        ],
      };
    }),
    notes: teachers.flatMap(({ id, training, evaluation, imported }) => {
      if (imported !== undefined && evaluation?.state === 'complete')
        return [originOf(id, imported)];
      const lost = [training, evaluation].find((trial) => trial && trial.state !== 'complete');
      return lost === undefined ? [] : [[`${id}: `, quantity(absence(lost), [lost])]];
    }),
  };
}

/** Where a teacher comes from that the study did not train. */
function originOf(id: string, imported: ImportedTeacher): Prose {
  const { source, weights, normalisation } = imported;
  const { format, names, bytes, digest } = source;
  const pixels =
    normalisation === undefined
      ? ''
      : `, trained on pixels of mean ${normalisation.mean.join(', ')} and deviation ${normalisation.std.join(', ')}`;
  if ('onnx' in imported) {
    return [
      `${id} was trained elsewhere${pixels}: a file of ONNX of ${bytes} bytes, sha256 ${digest}, which ONNX Runtime runs; it teaches by its logits alone.`,
    ];
  }
  return [
    `${id} was trained elsewhere${pixels}: read from a ${format} file of ${bytes} bytes, sha256 ${digest}, by the names of ${names}; its weights have sha256 ${weights}.`,
  ];
}

/** A class's name; its number where the dataset has no names, and where the class is a digit. */
export function classNames({ dataset }: Study): readonly string[] {
  const { classNames: names, classes } = infoOf(dataset);
  const numbered = dataset.name === 'digits';
  return Array.from({ length: classes }, (_, index) =>
    numbered ? String(index) : (names[index] ?? String(index)),
  );
}

/** What the teacher takes for what, most often first: its sense of likeness is what distillation passes on. */
export function confusionProse(
  { id, evaluation: trial }: TeacherTrials,
  names: readonly string[],
): Prose {
  const confusion = trial?.evaluation?.confusion;
  if (trial === undefined || confusion === undefined) return [];
  const worst = confusion
    .flatMap((row, truth) => row.map((images, predicted) => ({ truth, predicted, images })))
    .filter(({ truth, predicted, images }) => truth !== predicted && images > 0)
    .sort((a, b) => b.images - a.images || a.truth - b.truth || a.predicted - b.predicted)
    .slice(0, 3)
    .map(
      ({ truth, predicted, images }) =>
        `${names[truth] ?? truth} → ${names[predicted] ?? predicted} (${images})`,
    );
  if (worst.length === 0) return [`${id} mistakes no test image.`];
  return [
    `What a teacher takes for alike is what its soft labels pass on. The most frequent mistakes of ${id}, true class → its answer (test images): `,
    quantity(listed(worst), [trial], 'true class → predicted class (test images)'),
    '.',
  ];
}
