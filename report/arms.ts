import { mean } from '../statistics/describe.ts';
import type { Explanation } from '../leg/records.ts';
import {
  compareFamily,
  comparisonTable,
  pairSamples,
  type Comparison,
  type Sample,
} from './compare.ts';
import { missing, quantity, type Prose, type Row, type Table } from './content.ts';
import { absence, sampleCell } from './measures.ts';
import { ARM_LABELS, explained, type Arm } from './trials.ts';

type Pick = (explanation: Explanation) => number | undefined;

/** One number of every explained seed of an arm. */
export function armSamples(arm: Arm, pick: Pick): readonly Sample[] {
  return explained(arm).flatMap(({ seed, trial, explanation }) => {
    const value = pick(explanation);
    return value === undefined ? [] : [{ seed, value, trial }];
  });
}

/** Mean normalised entropy at τ = 0.5 over all levels: the headline of an explanation. */
export const intrinsicEntropy: Pick = ({ gates }) =>
  mean(gates.map(({ entropy }) => entropy.intrinsic.mean));

/** The explanation arms side by side: accuracy, entropies, experts, conflicts. */
export function armsTable(arms: readonly Arm[]): Table {
  return {
    id: 'arms',
    caption: 'The same explainer under three kinds of label.',
    columns: [
      { label: 'Measure' },
      ...arms.map(({ name }) => ({ label: ARM_LABELS[name], numeric: true })),
    ],
    rows: [
      row(arms, 'Accuracy of the hard tree, %', 2, ({ hard }) => hard.top1),
      row(arms, 'Accuracy with soft gates, %', 2, ({ soft }) => soft.top1),
      row(arms, 'Gate entropy at τ = 0.5, mean', 3, intrinsicEntropy),
      ...entropyRows(arms),
      ...liveRows(arms),
      row(arms, 'Confidence of a class’s path', 3, ({ tree }) =>
        mean(tree.paths.map(({ confidence }) => confidence)),
      ),
      ...conflictRows(arms),
      row(arms, 'Agreement with the teacher’s classes, ρ', 2, (e) => e.teacherCorrelation),
    ],
    notes: [
      [
        'Entropy is normalised: 1 reads all experts alike, 0 reads one. Conflict: of the class pairs that share an expert, the share whose gradients oppose each other. ρ: rank correlation of distances in the tree with the teacher’s distances between classes. Entropies, trees and conflicts are our definitions; their authors published none.',
      ],
      ...lostNotes(arms),
    ],
  };
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
    head: [`Live experts, level ${level}`],
    cells: arms.map((arm): Prose => {
      const told = explained(arm);
      const texts = told.flatMap(({ explanation }) => {
        const found = explanation.tree.live.find((entry) => entry.level === level);
        return found === undefined ? [] : [`${found.live}/${found.experts}`];
      });
      if (texts.length === 0) return [missing('no tree')];
      const trials = told.map(({ trial }) => trial);
      return [quantity(texts.join(', '), trials, 'experts that some class uses, seed by seed')];
    }),
  }));
}

function conflictRows(arms: readonly Arm[]): readonly Row[] {
  return levelsOf(arms, ({ conflict }) => conflict ?? []).map((level) =>
    row(arms, `Conflict rate, level ${level}, %`, 1, ({ conflict }) => {
      const found = conflict?.find((entry) => entry.level === level);
      return found === undefined || found.pairs === 0 ? undefined : found.rate * 100;
    }),
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

/** Distillation against the other arms, by mean entropy at fixed temperature. */
export function entropyComparisons(arms: readonly Arm[]): readonly Comparison[] {
  const treated = arms.find(({ name }) => name === 'distillation');
  if (treated === undefined) return [];
  return compareFamily(
    arms
      .filter((arm) => arm !== treated)
      .map((arm) =>
        pairSamples(
          `Distillation − ${ARM_LABELS[arm.name].toLowerCase()}`,
          armSamples(treated, intrinsicEntropy),
          armSamples(arm, intrinsicEntropy),
        ),
      ),
  );
}

export function entropyDifferencesTable(family: readonly Comparison[]): Table {
  return comparisonTable(family, {
    id: 'entropy-differences',
    caption: 'Gate entropy at τ = 0.5, mean over levels: differences paired by seed.',
    unit: 'normalised',
    decimals: 3,
    what: 'mean gate entropy at τ = 0.5',
  });
}
