import { mean } from '../../statistics/describe.ts';
import type { Explanation } from '../../leg/records.ts';
import { compareFamily, pairSamples, type Comparison, type Sample } from './compare.ts';
import { comparisonTable } from './comparison-table.ts';
import {
  missing,
  quantity,
  RECONSTRUCTED,
  type Prose,
  type Row,
  type Table,
} from '../page/content.ts';
import { counted, lowered } from '../format.ts';
import { absence, sampleCell } from './measures.ts';
import { ARM_LABELS, explained, type Arm } from '../trials.ts';

type Pick = (explanation: Explanation) => number | undefined;

/** One number of every explained seed of an arm. */
export function armSamples(arm: Arm, pick: Pick): readonly Sample[] {
  return explained(arm).flatMap(({ seed, trial, explanation }) => {
    const value = pick(explanation);
    return value === undefined ? [] : [{ seed, value, trial }];
  });
}

/** Mean normalised entropy at τ = 0.5 over all levels: the headline of an explanation. */
export const intrinsicEntropy = ({ gates }: Explanation): number =>
  mean(gates.map(({ entropy }) => entropy.intrinsic.mean));

/** The explanation arms side by side: accuracy, entropies, experts, conflicts. */
export function armsTable(arms: readonly Arm[]): Table {
  return {
    id: 'arms',
    caption: `The explainer by kind of label${seedWords(arms)}.`,
    columns: [
      { label: 'Measure' },
      ...arms.map(({ name }) => ({ label: ARM_LABELS[name], numeric: true })),
    ],
    rows: [
      row(arms, 'Accuracy of the hard tree, %', 2, ({ hard }) => hard.top1),
      row(arms, 'Accuracy with soft gates, %', 2, ({ soft }) => soft.top1),
      row(arms, `Gate entropy${RECONSTRUCTED}, mean of levels`, 3, intrinsicEntropy),
      ...entropyRows(arms),
      ...liveRows(arms),
      row(arms, 'Confidence of a class’s way', 3, ({ tree }) =>
        mean(tree.paths.map(({ confidence }) => confidence)),
      ),
      ...conflictRows(arms),
      row(arms, 'Agreement with the teacher’s classes, ρ', 2, (e) => e.teacherCorrelation),
    ],
    notes: [
      [
        'Confidence: the product of the gate weights on a class’s way, mean over classes. Conflict: of the class pairs that share an expert, the share whose gradients oppose each other there, each stage after its last epoch and under the arm’s own loss. ρ: rank correlation of two classes’ distance in the tree with their distance in the teacher’s soft labels.',
      ],
      [
        `${RECONSTRUCTED} Entropies, trees, conflicts and label smoothing are our reconstructions: their authors published no code for them.`,
      ],
      ...lostNotes(arms),
    ],
  };
}

/** How many seeds stand behind the arms, where all have as many. */
function seedWords(arms: readonly Arm[]): string {
  const counts = [...new Set(arms.map((arm) => explained(arm).length))];
  const [count] = counts;
  if (counts.length !== 1 || count === undefined) return '';
  if (count > 1) return `: mean ± sample standard deviation of ${counted(count, 'seed')}`;
  if (count === 0) return ': none could be explained';
  return arms.length > 1 ? ', one seed each' : ', one seed';
}

function row(arms: readonly Arm[], label: string, decimals: number, pick: Pick): Row {
  return {
    head: [label],
    cells: arms.map((arm) => [
      sampleCell(armSamples(arm, pick), { decimals, what: `${ARM_LABELS[arm.name]}: ${label}` }),
    ]),
  };
}

/** Levels that some explained arm has, by a picker of level numbers. */
function levelsOf(
  arms: readonly Arm[],
  pick: (explanation: Explanation) => readonly { readonly level: number }[],
): readonly number[] {
  const levels = arms.flatMap((arm) =>
    explained(arm).flatMap(({ explanation }) => pick(explanation).map(({ level }) => level)),
  );
  return [...new Set(levels)].sort((a, b) => a - b);
}

/** `level 2 → 3`: the experts of level 3 read those of level 2; the last gate is read by classes. */
export function gateLabel(level: number, lastLevel: number): string {
  return level === lastLevel ? `level ${level - 1} → classes` : `level ${level - 1} → ${level}`;
}

function entropyRows(arms: readonly Arm[]): readonly Row[] {
  const levels = levelsOf(arms, ({ gates }) => gates);
  const last = Math.max(...levels);
  return levels.map((level) =>
    row(
      arms,
      `· ${gateLabel(level, last)}`,
      3,
      ({ gates }) => gates.find((gate) => gate.level === level)?.entropy.intrinsic.mean,
    ),
  );
}

function liveRows(arms: readonly Arm[]): readonly Row[] {
  return levelsOf(arms, ({ tree }) => tree.live).map((level) => ({
    head: [`Experts used, level ${level}`],
    cells: arms.map((arm): Prose => {
      const told = explained(arm);
      const texts = told.flatMap(({ explanation }) => {
        const found = explanation.tree.live.find((entry) => entry.level === level);
        return found === undefined ? [] : [`${found.live}/${found.experts}`];
      });
      if (texts.length === 0) return [missing('no tree')];
      const trials = told.map(({ trial }) => trial);
      return [quantity(texts.join(', '), trials, 'experts on the way of some class, seed by seed')];
    }),
  }));
}

const STAGES = { soft: 'soft gates', hard: 'tree' } as const;

/** Both stages, each under the loss that it was trained with. */
function conflictRows(arms: readonly Arm[]): readonly Row[] {
  return (['soft', 'hard'] as const).flatMap((stage) =>
    levelsOf(arms, ({ conflict }) => conflict?.[stage] ?? []).map((level) =>
      row(
        arms,
        `Conflict rate${RECONSTRUCTED}, ${STAGES[stage]}, level ${level}, %`,
        1,
        ({ conflict }) => {
          const found = conflict?.[stage].find((entry) => entry.level === level);
          return found === undefined ? undefined : found.rate * 100;
        },
      ),
    ),
  );
}

function lostNotes(arms: readonly Arm[]): readonly Prose[] {
  return arms.flatMap((arm) =>
    arm.seeds.flatMap(({ seed, soft, hard, explanation }) => {
      const lost = [soft, hard, explanation].find(
        (trial) => trial !== undefined && trial.state !== 'complete',
      );
      return lost === undefined
        ? []
        : [[`${ARM_LABELS[arm.name]}, seed ${seed}: `, quantity(absence(lost), [lost])]];
    }),
  );
}

/**
 * The arm that the paper makes a claim of against the others, by mean entropy at fixed temperature:
 * distillation; without it, label smoothing.
 */
export function entropyComparisons(arms: readonly Arm[]): readonly Comparison[] {
  const treated = TREATED.flatMap((name) => arms.find((arm) => arm.name === name) ?? [])[0];
  if (treated === undefined) return [];
  return compareFamily(
    arms
      .filter((arm) => arm !== treated)
      .map((arm) =>
        pairSamples(
          { name: ARM_LABELS[treated.name], samples: armSamples(treated, intrinsicEntropy) },
          { name: lowered(ARM_LABELS[arm.name]), samples: armSamples(arm, intrinsicEntropy) },
        ),
      ),
  );
}

const TREATED = ['distillation', 'label-smoothing'] as const;

export function entropyDifferencesTable(family: readonly Comparison[]): Table {
  return comparisonTable(family, {
    id: 'entropy-differences',
    caption: 'Gate entropy at τ = 0.5, mean over levels: differences paired by seed.',
    unit: 'of normalised entropy',
    decimals: 3,
    what: 'mean gate entropy at τ = 0.5',
  });
}
