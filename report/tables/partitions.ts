import type { Explanation } from '../../leg/records.ts';
import {
  adjustedRandIndex,
  meanPairwise,
  normalisedMutualInformation,
} from '../../statistics/partition.ts';
import { fixed } from '../format.ts';
import { missing, quantity, type Prose, type Row, type Table } from '../page/content.ts';
import { ARM_LABELS, explained, type Arm } from '../trials.ts';
import { armSamples } from './arms.ts';
import { sampleCell } from './measures.ts';

/** Groups of classes that a dataset names itself: animals and vehicles, say. */
export type Superclasses = readonly {
  readonly name: string;
  readonly classes: readonly number[];
}[];

/** The expert of a level that each class's way leads through, class by class. */
function partitionAt({ tree }: Explanation, level: number): readonly number[] {
  return tree.paths.map(({ experts }) => experts[level - 1] ?? 0);
}

/** The superclass of each class. */
function namedPartition(superclasses: Superclasses): readonly number[] {
  const entries = superclasses.flatMap(({ classes }, group) =>
    classes.map((label) => [label, group] as const),
  );
  return entries.toSorted(([a], [b]) => a - b).map(([, group]) => group);
}

/**
 * How the trees part the classes: alike from seed to seed, and as the dataset groups them. A tree that
 * says something about the data parts them alike whatever the seed.
 *
 * @param superclasses of the dataset, where it names any
 */
export function partitionsTable(
  arms: readonly Arm[],
  superclasses: Superclasses | undefined,
): Table {
  const levels = Math.max(
    0,
    ...arms.flatMap((arm) => explained(arm).map(({ explanation }) => explanation.tree.live.length)),
  );
  const each = Array.from({ length: levels }, (_, index) => index + 1);
  const named = superclasses === undefined ? undefined : namedPartition(superclasses);
  return {
    id: 'partitions',
    caption: 'How the trees part the classes, level by level.',
    columns: [
      { label: 'Measure' },
      ...arms.map(({ name }) => ({ label: ARM_LABELS[name], numeric: true })),
    ],
    rows: [
      ...each.map((level) => stabilityRow(arms, level)),
      ...(named === undefined ? [] : each.flatMap((level) => namedRows(arms, level, named))),
    ],
    notes: [
      [
        'A level parts the classes by the expert that each one’s way leads through. ARI: adjusted Rand index; 1 is the same partition, 0 what chance gives, and a level with all classes in one part has 0 against any other. Between seeds: its mean over all pairs of an arm’s seeds.',
        ...(superclasses === undefined ? [] : [groupWords(superclasses)]),
      ],
    ],
  };
}

function groupWords(superclasses: Superclasses): string {
  const count = superclasses.length;
  const names = count > 4 ? '' : ` (${superclasses.map(({ name }) => name).join(', ')})`;
  return ` Superclasses: the ${count} groups of classes that the dataset is known by${names}. NMI: mutual information over the mean of both entropies.`;
}

function stabilityRow(arms: readonly Arm[], level: number): Row {
  const label = `ARI between seeds, level ${level}`;
  return {
    head: [label],
    cells: arms.map((arm): Prose => {
      const told = explained(arm);
      const partitions = told.map(({ explanation }) => partitionAt(explanation, level));
      const value = meanPairwise(partitions, adjustedRandIndex);
      const what = `${ARM_LABELS[arm.name]}: ${label}`;
      if (value === undefined) return [missing(`${what}: it takes two seeds`)];
      const trials = told.map(({ trial }) => trial);
      return [quantity(fixed(value, 2), trials, `${what}: mean over pairs of seeds`)];
    }),
  };
}

function namedRows(arms: readonly Arm[], level: number, named: readonly number[]): Row[] {
  const likenesses = { ARI: adjustedRandIndex, NMI: normalisedMutualInformation };
  return Object.entries(likenesses).map(([measure, likeness]) => {
    const label = `${measure} with superclasses, level ${level}`;
    return {
      head: [label],
      cells: arms.map((arm) => {
        const samples = armSamples(arm, (e) => likeness(partitionAt(e, level), named));
        return [sampleCell(samples, { decimals: 2, what: `${ARM_LABELS[arm.name]}: ${label}` })];
      }),
    };
  });
}
