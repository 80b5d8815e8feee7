import type { DrawnEpoch } from '../epochs.ts';
import { gateLabel } from '../tables/arms.ts';
import type { Figure } from '../page/content.ts';
import { counted } from '../format.ts';
import type { Arm } from '../trials.ts';
import { linePanel, type Curve, type Series } from './lines.ts';
import { ARM_COLORS, ARM_SHORT } from './palette.ts';

type Gate = NonNullable<DrawnEpoch['gates']>[number];

/** Gate entropy over the epochs of the soft stage: a panel per level, a line per arm. */
export function entropyFigure(arms: readonly Arm[]): Figure | undefined {
  const records = arms.flatMap(({ seeds }) => seeds.flatMap(({ soft }) => soft?.epochs ?? []));
  const levels = [
    ...new Set(records.flatMap(({ gates }) => (gates ?? []).map(({ level }) => level))),
  ];
  if (levels.length === 0) return undefined;
  const last = Math.max(...levels);
  const epochs = Math.max(...records.map(({ epoch }) => epoch));
  return {
    id: 'entropy',
    width: 'wide',
    panelPixels: 260,
    panels: levels
      .sort((a, b) => a - b)
      .map((level) => ({
        title: `Gates ${gateLabel(level, last)}`,
        svg: linePanel({
          id: `entropy-${level}`,
          title: `Gate entropy, ${gateLabel(level, last)}`,
          description: describeLevel(arms, level),
          series: arms.flatMap((arm) => armSeries(arm, level)),
          y: [0, 1],
          yLabel: 'normalised entropy',
          epochs,
          direct: true,
        }),
      })),
    caption: [
      `How undecided the gates are, epoch by epoch of the soft stage. Bold: at fixed temperature τ = 0.5, where arms can be compared (${seedWords(arms)}). Thin and dashed: at the temperature of the epoch, which falls and drives every arm down.`,
    ],
  };
}

function armCurves(arm: Arm, level: number, pick: (gate: Gate) => number): readonly Curve[] {
  return arm.seeds.flatMap(({ seed, soft }) => {
    const points = (soft?.epochs ?? []).flatMap(({ epoch, gates }) => {
      const gate = gates?.find((entry) => entry.level === level);
      return gate === undefined ? [] : [{ epoch, value: pick(gate) }];
    });
    if (points.length === 0) return [];
    return [{ seed, points, ...(soft?.state === 'complete' ? {} : { lost: true }) }];
  });
}

function armSeries(arm: Arm, level: number): readonly Series[] {
  const curves = armCurves(arm, level, ({ intrinsic }) => intrinsic);
  if (curves.length === 0) return [];
  return [
    {
      label: ARM_SHORT[arm.name],
      color: ARM_COLORS[arm.name],
      curves,
      secondary: armCurves(arm, level, ({ asTrained }) => asTrained),
    },
  ];
}

function describeLevel(arms: readonly Arm[], level: number): string {
  const ends = arms.flatMap((arm) => {
    const curves = armCurves(arm, level, ({ intrinsic }) => intrinsic);
    const values = curves.flatMap(({ points }) => points.at(-1)?.value ?? []);
    if (values.length === 0) return [];
    return [`${ARM_SHORT[arm.name]} ${values.map((value) => value.toFixed(3)).join(', ')}`];
  });
  return `Normalised entropy at fixed temperature in the last epoch: ${ends.join('; ')}.`;
}

function seedWords(arms: readonly Arm[]): string {
  const counts = arms
    .map(({ seeds }) => seeds.filter(({ soft }) => soft?.state === 'complete').length)
    .filter((count) => count > 0);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  if (counts.length === 0 || most === 1) return 'one seed';
  return `mean of ${least === most ? '' : 'up to '}${counted(most, 'seed')}`;
}
