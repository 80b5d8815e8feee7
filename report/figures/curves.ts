import type { DrawnEpoch } from '../epochs.ts';
import type { Figure } from '../page/content.ts';
import type { ReportTrial } from '../input.ts';
import { methodLabel } from '../tables/sweep.ts';
import type { Arm, StudentGroup } from '../trials.ts';
import { linePanel, type Curve, type Series } from './lines.ts';
import { ARM_COLORS, ARM_SHORT, methodColor } from './palette.ts';
import { paddedDomain } from './plot.ts';

function curveOf(
  seed: number,
  trial: ReportTrial | undefined,
  pick: (record: DrawnEpoch) => number,
): readonly Curve[] {
  const points = (trial?.epochs ?? []).map((record) => ({
    epoch: record.epoch,
    value: pick(record),
  }));
  if (points.length === 0) return [];
  return [{ seed, points, ...(trial?.state === 'complete' ? {} : { lost: true }) }];
}

/** Methods whose means are drawn behind each other's: their number of lines is its square. */
const MOST_COMPARED = 12;

const testTop1 = ({ test }: DrawnEpoch): number => test.top1;

/** Test accuracy of the students over epochs: a panel per method, the others grey behind. */
export function studentCurves(groups: readonly StudentGroup[]): readonly Figure[] {
  return [...Map.groupBy(groups, ({ student }) => student)].flatMap(([student, members]) => {
    const series = members.map((group, position): Series => ({
      label: methodLabel(group),
      color: methodColor(position),
      curves: group.seeds.flatMap(({ seed, training }) => curveOf(seed, training, testTop1)),
    }));
    return curvesFigure(`curves-${student}`, `${student}: `, series);
  });
}

function curvesFigure(id: string, prefix: string, all: readonly Series[]): readonly Figure[] {
  const series = all.filter(({ curves }) => curves.length > 0);
  if (series.length === 0) return [];
  const points = series.flatMap(({ curves }) => curves.flatMap((curve) => curve.points));
  const y = accuracyDomain(points.map(({ value }) => value));
  const epochs = largest(points.map(({ epoch }) => epoch));
  const compared = series.length <= MOST_COMPARED;
  return [
    {
      id,
      width: 'wide',
      panelPixels: 240,
      panels: series.map((own, i) => ({
        title: `${prefix}${own.label}`,
        svg: linePanel({
          id: `${id}-${i}`,
          title: `Test accuracy of ${prefix}${own.label} over epochs`,
          description: describeEnds(own),
          series: [own],
          background: compared ? series.filter((other) => other !== own) : [],
          y,
          yLabel: 'test accuracy, %',
          epochs,
          direct: false,
        }),
      })),
      caption: [`Test accuracy over epochs${lineText(series)}.${lostText(series)}`],
    },
  ];
}

/** What the lines are, where there are several. */
function lineText(series: readonly Series[]): string {
  const others = series.length > 1 && series.length <= MOST_COMPARED;
  const seeds = series.some(({ curves }) => curves.length > 1);
  const texts = [
    ...(seeds ? ['a thin line per seed, their mean in bold'] : []),
    ...(others ? [`the ${seeds ? 'means of the ' : ''}other methods in grey`] : []),
  ];
  return texts.length === 0 ? '' : `: ${texts.join(', ')}`;
}

function lostText(series: readonly Series[]): string {
  const lost = series.some(({ curves }) => curves.some((curve) => curve.lost === true));
  return lost ? ' A cross: a seed was lost there, and is in no mean.' : '';
}

/** Test accuracy of the explainers over the epochs of their two stages. */
export function explainerCurves(arms: readonly Arm[]): Figure | undefined {
  const stages = (['soft', 'hard'] as const).map((stage) => ({
    stage,
    series: arms.map((arm): Series => ({
      label: ARM_SHORT[arm.name],
      color: ARM_COLORS[arm.name],
      curves: arm.seeds.flatMap((entry) => curveOf(entry.seed, entry[stage], testTop1)),
    })),
  }));
  const drawn = stages
    .map(({ stage, series }) => ({ stage, series: series.filter((s) => s.curves.length > 0) }))
    .filter(({ series }) => series.length > 0);
  if (drawn.length === 0) return undefined;
  const points = drawn.flatMap(({ series }) =>
    series.flatMap(({ curves }) => curves.flatMap((curve) => curve.points)),
  );
  const y = accuracyDomain(points.map(({ value }) => value));
  return {
    id: 'explainers',
    width: 'text',
    panelPixels: 250,
    panels: drawn.map(({ stage, series }) => ({
      title: stage === 'soft' ? 'Soft gates' : 'Hard tree, trained anew',
      svg: linePanel({
        id: `explainers-${stage}`,
        title: `Test accuracy of the explainers, ${stage} stage`,
        description: series.map(describeEnds).join(' '),
        series,
        y,
        yLabel: 'test accuracy, %',
        epochs: lastEpoch(series),
        direct: true,
      }),
    })),
    caption: ['Test accuracy of the explainers over the epochs of their two stages.'],
  };
}

function lastEpoch(series: readonly Series[]): number {
  return Math.max(
    ...series.flatMap(({ curves }) =>
      curves.flatMap(({ points }) => points.map(({ epoch }) => epoch)),
    ),
  );
}

/** As `Math.max`, for more values than a call takes arguments. */
const largest = (values: readonly number[]): number =>
  values.reduce((a, b) => Math.max(a, b), -Infinity);
const smallest = (values: readonly number[]): number =>
  values.reduce((a, b) => Math.min(a, b), Infinity);

/** An axis that holds all values, in steps that suit their spread. */
function accuracyDomain(values: readonly number[]): [number, number] {
  const ends = [smallest(values), largest(values)] as const;
  const spread = ends[1] - ends[0];
  return paddedDomain(ends, spread > 30 ? 20 : spread > 8 ? 5 : 1, 100);
}

function describeEnds({ label, curves }: Series): string {
  const ends = curves.flatMap(({ seed, points, lost }) => {
    const last = points.at(-1);
    if (last === undefined) return [];
    return [`seed ${seed} ${last.value.toFixed(2)} %${lost === true ? ' where it was lost' : ''}`];
  });
  return `${label}, last epoch: ${ends.join(', ')}.`;
}
