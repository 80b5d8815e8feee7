import { dot, line, ruleY, text, type Markish } from '@observablehq/plot';
import { mean } from '../../statistics/describe.ts';
import { drawPlot, spreadLabels } from './plot.ts';

/** One curve over epochs, of one seed. */
export type Curve = {
  readonly seed: number;
  /** Of a trial that ended without a result: drawn as far as it came, and in no mean. */
  readonly lost?: boolean;
  readonly points: readonly { readonly epoch: number; readonly value: number }[];
};

/** Curves of several seeds that are drawn as one: thin lines, and their mean in bold. */
export type Series = {
  readonly label: string;
  /** A CSS colour; custom properties of the page. */
  readonly color: string;
  readonly curves: readonly Curve[];
  /** Thin dashed lines beside them, of the same colour. */
  readonly secondary?: readonly Curve[];
};

export type LinePanel = {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly series: readonly Series[];
  /** Means drawn in grey behind, to compare with. */
  readonly background?: readonly Series[];
  readonly y: readonly [number, number];
  readonly yLabel: string;
  readonly epochs: number;
  readonly direct: boolean;
};

const WIDTH = 300;
const HEIGHT = 200;
const MARGIN = { marginTop: 18, marginBottom: 30, marginLeft: 34 } as const;
const LABEL_PIXELS = 12;

/** Draws curves over epochs with their names at their ends. */
export function linePanel(panel: LinePanel): string {
  const { id, title, description, y, yLabel, epochs } = panel;
  return drawPlot({
    id,
    title,
    description,
    width: WIDTH,
    height: HEIGHT,
    ...MARGIN,
    marginRight: panel.direct ? 74 : 10,
    x: {
      domain: [1, Math.max(2, epochs)],
      ticks: epochTicks(epochs),
      label: null,
      tickSize: 0,
      tickFormat: 'd',
    },
    y: { domain: [...y], ticks: 4, label: null, tickSize: 0, grid: true },
    marks: [
      ...(panel.background ?? []).map((series) => backgroundLine(series)),
      ...panel.series.flatMap((series) => seriesMarks(series)),
      ...(panel.direct ? [endLabels(panel)] : []),
      text([yLabel], { frameAnchor: 'top-left', dx: -34, dy: -16, fill: 'var(--muted)' }),
      text(['epoch'], { frameAnchor: 'bottom-right', dy: 28, fill: 'var(--muted)' }),
      ruleY([y[0]], { stroke: 'var(--rule)' }),
    ],
  });
}

/** At most six ticks, all of them whole epochs, first and last among them. */
function epochTicks(epochs: number): number[] {
  const steps = Math.max(1, Math.ceil((epochs - 1) / 5));
  const ticks = Array.from(
    { length: Math.floor((epochs - 1) / steps) + 1 },
    (_, i) => 1 + i * steps,
  );
  const last = ticks.at(-1) ?? 1;
  if (last === epochs) return ticks;
  return epochs - last < steps / 2 ? [...ticks.slice(0, -1), epochs] : [...ticks, epochs];
}

/** The mean of the curves that came to their end, at every epoch that each has reached. */
export function meanCurve(all: readonly Curve[]): Curve['points'] {
  const curves = all.filter(({ lost }) => lost !== true);
  const byEpoch = Map.groupBy(
    curves.flatMap(({ points }) => points),
    ({ epoch }) => epoch,
  );
  return [...byEpoch]
    .filter(([, points]) => points.length === curves.length)
    .map(([epoch, points]) => ({ epoch, value: mean(points.map(({ value }) => value)) }))
    .sort((a, b) => a.epoch - b.epoch);
}

const CHANNELS = { x: 'epoch', y: 'value' } as const;

function seriesMarks({ label, color, curves, secondary }: Series): Markish[] {
  const several = curves.length > 1;
  const thin = (curve: Curve, dashed: boolean): Markish =>
    line(curve.points, {
      ...CHANNELS,
      stroke: color,
      strokeWidth: 1,
      strokeOpacity: dashed ? 0.6 : 0.4,
      ...(dashed ? { strokeDasharray: '3 3' } : {}),
      title: () => `${label}, seed ${curve.seed}${dashed ? ', as trained' : ''}`,
    });
  return [
    ...(secondary ?? []).map((curve) => thin(curve, true)),
    ...(several ? curves.map((curve) => thin(curve, false)) : []),
    ...curves.filter(({ lost }) => lost === true).map((curve) => lostEnd(curve, label, color)),
    line(meanCurve(curves), {
      ...CHANNELS,
      stroke: color,
      strokeWidth: 2.25,
      title: () => (several ? `${label}, mean of seeds` : label),
    }),
  ];
}

/** A cross where a lost trial stopped. */
function lostEnd({ seed, points }: Curve, label: string, color: string): Markish {
  return dot(points.slice(-1), {
    ...CHANNELS,
    symbol: 'times',
    r: 4,
    stroke: color,
    strokeWidth: 2,
    title: () => `${label}, seed ${seed}: lost after this epoch`,
  });
}

function backgroundLine({ label, curves }: Series): Markish {
  return line(meanCurve(curves), {
    ...CHANNELS,
    stroke: 'var(--ghost)',
    strokeWidth: 1.25,
    title: () => `${label}, mean`,
  });
}

/** Names at the right ends, moved apart where lines end close together. */
function endLabels({ series, y, epochs }: LinePanel): Markish {
  const ends = series.flatMap(({ label, color, curves }) => {
    const end = meanCurve(curves).at(-1);
    return end === undefined ? [] : [{ label, color, ...end }];
  });
  const plotted = HEIGHT - MARGIN.marginTop - MARGIN.marginBottom;
  const gap = ((y[1] - y[0]) * LABEL_PIXELS) / plotted;
  const places = spreadLabels(
    ends.map(({ value }) => value),
    gap,
    y,
  );
  return text(
    ends.map((end, i) => ({ ...end, epoch: Math.max(2, epochs), value: places[i] })),
    {
      ...CHANNELS,
      text: 'label',
      fill: 'color',
      textAnchor: 'start',
      dx: 6,
      fontWeight: 600,
    },
  );
}
