import { compareFamily, pairSamples, type Comparison } from './compare.ts';
import { comparisonTable } from './comparison-table.ts';
import { quantity, RECONSTRUCTED, type Prose, type Row, type Table } from '../page/content.ts';
import { absence, metricSamples, sampleCell } from './measures.ts';
import { comparisonsOf, type Comparison as Asked } from '../../study/comparisons.ts';
import type { Study } from '../../study/schema.ts';
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
    caption: `Students on the test images${several(groups) ? ': mean ± sample standard deviation over seeds' : ', one seed each'}.`,
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

const several = (groups: readonly StudentGroup[]): boolean =>
  groups.some(({ seeds }) => seeds.length > 1);

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

/** The study's comparisons of methods, for each of its students, as one family. */
export function sweepComparisons(
  groups: readonly StudentGroup[],
  asked: readonly Asked[],
): readonly Comparison[] {
  const pairings = [...Map.groupBy(groups, ({ student }) => student).values()].flatMap((own) =>
    asked.flatMap(({ method, against }) => {
      const [treated, baseline] = [method, against].map((id) =>
        own.find((group) => group.method.id === id),
      );
      if (treated === undefined || baseline === undefined) return [];
      return [
        pairSamples(
          { name: groupLabel(treated, groups), samples: lastTop1(treated) },
          { name: methodLabel(baseline), samples: lastTop1(baseline) },
        ),
      ];
    }),
  );
  return compareFamily(pairings);
}

/**
 * The comparison that the study was made for, once for each student: the first that it names; where it
 * names none, that of its last method with an add-on.
 */
export function sweepQuestions(
  study: Study,
  groups: readonly StudentGroup[],
  family: readonly Comparison[],
): readonly Comparison[] {
  const addOns = new Set(
    (study.sweep?.methods ?? []).flatMap(({ id, vam }) => (vam === undefined ? [] : [id])),
  );
  const asked =
    study.report.comparisons?.[0] ??
    comparisonsOf(study).findLast(({ method }) => addOns.has(method));
  const label = (id: string | undefined) =>
    groups.filter(({ method }) => method.id === id).map((group) => groupLabel(group, groups));
  const baseline = groups.find(({ method }) => method.id === asked?.against);
  return family.filter(
    (comparison) =>
      label(asked?.method).includes(comparison.treated) &&
      baseline !== undefined &&
      comparison.baseline === methodLabel(baseline),
  );
}

export function differencesTable(family: readonly Comparison[]): Table {
  return comparisonTable(family, {
    id: 'differences',
    caption: `Differences ${againstWords(family)}, paired by seed: last epoch, percentage points.`,
    unit: 'points',
    decimals: 2,
    what: 'test accuracy, last epoch',
  });
}

/** `against CE`, or `between methods` where they are not all against the same one. */
export function againstWords(family: readonly Comparison[]): string {
  const [baseline, ...others] = new Set(family.map((comparison) => comparison.baseline));
  return baseline === undefined || others.length > 0 ? 'between methods' : `against ${baseline}`;
}
