import { compareFamily, comparisonTable, pairSamples, type Comparison } from './compare.ts';
import { quantity, RECONSTRUCTED, type Prose, type Row, type Table } from '../page/content.ts';
import { absence, metricSamples, sampleCell } from './measures.ts';
import type { StudentGroup } from '../trials.ts';

/** A method's name; a dagger where it is our reconstruction. */
export function methodLabel({ method }: StudentGroup): string {
  return method.vam === undefined ? method.id : `${method.id}${RECONSTRUCTED}`;
}

/** Student and method; the student is left out where a study has only one. */
export function groupLabel(group: StudentGroup, groups: readonly StudentGroup[]): string {
  const students = new Set(groups.map(({ student }) => student));
  return students.size > 1 ? `${group.student} · ${methodLabel(group)}` : methodLabel(group);
}

/** Test accuracy after the last epoch, by seed. */
export function lastTop1(group: StudentGroup) {
  return trainingMetric(group, 'test.top1.last');
}

function trainingMetric({ seeds }: StudentGroup, metric: string) {
  return metricSamples(
    seeds.map(({ seed, training }) => ({ seed, trial: training })),
    metric,
  );
}

function evaluationMetric({ seeds }: StudentGroup, metric: string) {
  return metricSamples(
    seeds.map(({ seed, evaluation }) => ({ seed, trial: evaluation })),
    metric,
  );
}

/** Accuracy and calibration of the students, method by method. */
export function sweepTable(groups: readonly StudentGroup[]): Table {
  return {
    id: 'sweep',
    caption: 'Students on the test images: mean ± sample standard deviation over seeds.',
    columns: [
      { label: 'Method' },
      { label: 'n', numeric: true, hint: 'seeds completed / seeds asked for' },
      { label: 'last epoch, %', numeric: true, hint: 'top-1 accuracy: the headline' },
      { label: 'best on test, %', numeric: true, hint: 'optimistic: chosen by the test images' },
      {
        label: 'by validation, %',
        numeric: true,
        hint: 'test accuracy at the best validation epoch',
      },
      { label: 'NLL, nats', numeric: true },
      { label: 'ECE, %', numeric: true, hint: 'expected calibration error, 15 bins' },
      { label: 'agrees with teacher, %', numeric: true },
    ],
    rows: groups.map((group) => sweepRow(group, groups)),
    notes: sweepNotes(groups),
  };
}

function sweepRow(group: StudentGroup, groups: readonly StudentGroup[]): Row {
  const last = lastTop1(group);
  const trials = group.seeds.flatMap(({ training }) => training ?? []);
  const short = last.length < group.seeds.length ? 'missing' : undefined;
  const cell = (metric: string, decimals: number, what: string): Prose => [
    sampleCell(evaluationMetric(group, metric), { decimals, what }),
  ];
  return {
    head: [groupLabel(group, groups)],
    cells: [
      [quantity(`${last.length}/${group.seeds.length}`, trials, 'seeds completed', short)],
      [sampleCell(last, { decimals: 2, what: 'test accuracy, last epoch', tone: 'headline' })],
      [
        sampleCell(trainingMetric(group, 'test.top1.best'), {
          decimals: 2,
          what: 'best test accuracy of any epoch (optimistic)',
          tone: 'optimistic',
        }),
      ],
      [
        sampleCell(trainingMetric(group, 'test.top1.selected'), {
          decimals: 2,
          what: 'test accuracy at the epoch of best validation accuracy',
        }),
      ],
      cell('test.nll', 3, 'test negative log-likelihood'),
      cell('test.ece', 2, 'expected calibration error'),
      cell('teacher.agreement', 1, 'test images on which student and teacher predict alike'),
    ],
  };
}

function sweepNotes(groups: readonly StudentGroup[]): readonly Prose[] {
  const lost = groups.flatMap((group) =>
    group.seeds.flatMap(({ seed, training }) =>
      training === undefined || training.state === 'complete'
        ? []
        : [
            [
              `${groupLabel(group, groups)}, seed ${seed}: `,
              quantity(absence(training), [training]),
            ],
          ],
    ),
  );
  const vam = groups.some(({ method }) => method.vam !== undefined);
  return [
    [
      'Last epoch: test accuracy when training ended, the headline. Best on test is optimistic: its epoch was chosen by looking at the test images. By validation: test accuracy at the epoch of best validation accuracy. NLL: negative log-likelihood. ECE: expected calibration error over 15 bins of confidence.',
    ],
    ...lost,
    ...(vam
      ? [
          [
            `${RECONSTRUCTED} VAM is our reconstruction from the paper’s description; its authors published no code for it.`,
          ],
        ]
      : []),
  ];
}

/** The method that differences are taken against: named by the study, or its first. */
export function baselineOf(
  groups: readonly StudentGroup[],
  named: string | undefined,
): string | undefined {
  return named ?? groups[0]?.method.id;
}

/** Every method against the baseline of the same student, as one family. */
export function sweepComparisons(
  groups: readonly StudentGroup[],
  baseline: string | undefined,
): readonly Comparison[] {
  const pairings = groups
    .filter(({ method }) => method.id !== baseline)
    .flatMap((group) => {
      const base = groups.find(
        ({ student, method }) => student === group.student && method.id === baseline,
      );
      if (base === undefined) return [];
      return [
        pairSamples(
          { name: groupLabel(group, groups), samples: lastTop1(group) },
          { name: base.method.id, samples: lastTop1(base) },
        ),
      ];
    });
  return compareFamily(pairings);
}

export function differencesTable(family: readonly Comparison[], baseline: string): Table {
  return comparisonTable(family, {
    id: 'differences',
    caption: `Differences against ${baseline}, paired by seed: last epoch, percentage points.`,
    unit: 'points',
    decimals: 2,
    what: 'test accuracy, last epoch',
  });
}
