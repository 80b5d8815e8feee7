import { dot, link, rect, ruleX, text } from '@observablehq/plot';
import type { Comparison } from '../tables/compare.ts';
import type { Figure } from '../page/content.ts';
import { counted, signed } from '../format.ts';
import { drawPlot } from './plot.ts';

const ROW_PIXELS = 46;

/** Differences against the baseline: a dot per seed, the mean, its interval, and what could be seen. */
export function differencesFigure(
  family: readonly Comparison[],
  baseline: string,
): Figure | undefined {
  if (family.length === 0) return undefined;
  return {
    id: 'seeds',
    width: 'text',
    panelPixels: 400,
    panels: [{ title: '', svg: drawDifferences(family, baseline) }],
    caption: [
      `Difference to ${baseline} in test accuracy, last epoch. Small dots: one seed each, paired. Large dot and bar: mean and 95 % interval. Shaded: differences that these seeds would miss more than once in five times.`,
    ],
  };
}

function drawDifferences(family: readonly Comparison[], baseline: string): string {
  const reach = limit(family);
  const rows = family.map((comparison) => ({ ...comparison, label: comparison.treated }));
  const dots = rows.flatMap(({ label, differences }) =>
    differences.map(({ seed, value }) => ({
      label,
      value,
      title: `${label}, seed ${seed}: ${signed(value, 2)} points`,
    })),
  );
  const means = rows.map(({ label, test }) => ({
    label,
    value: test.mean,
    low: Math.max(-reach, Number.isFinite(test.interval.low) ? test.interval.low : test.mean),
    high: Math.min(reach, Number.isFinite(test.interval.high) ? test.interval.high : test.mean),
    title: `${label}: ${signed(test.mean, 2)} points, mean of ${counted(test.n, 'pair')}`,
  }));
  const bands = rows
    .filter(({ detectable }) => Number.isFinite(detectable))
    .map(({ label, detectable }) => ({
      label,
      low: Math.max(-reach, -detectable),
      high: Math.min(reach, detectable),
    }));
  const color = 'var(--accent)';
  return drawPlot({
    id: 'seeds-plot',
    title: `Differences to ${baseline}, paired by seed`,
    description: `${means.map(({ title }) => title).join('; ')}.`,
    width: 480,
    height: 52 + rows.length * ROW_PIXELS,
    marginLeft: 90,
    marginRight: 20,
    marginTop: 14,
    marginBottom: 38,
    x: {
      domain: [-reach, reach],
      label: null,
      tickSize: 0,
      ticks: 7,
      axis: 'bottom',
      tickFormat: (value: number) => (value === 0 ? '0' : signed(value, reach < 2 ? 1 : 0)),
    },
    y: {
      domain: rows.map(({ label }) => label),
      label: null,
      tickSize: 0,
      type: 'band',
      padding: 0.3,
    },
    marks: [
      rect(bands, { x1: 'low', x2: 'high', y: 'label', fill: 'var(--shade)', rx: 3 }),
      ruleX([0], { stroke: 'var(--muted)' }),
      link(means, {
        x1: 'low',
        x2: 'high',
        y1: 'label',
        y2: 'label',
        stroke: color,
        strokeWidth: 2,
      }),
      dot(means, { x: 'value', y: 'label', r: 6, fill: color, title: 'title' }),
      dot(dots, {
        x: 'value',
        y: 'label',
        r: 3,
        fill: 'var(--paper)',
        stroke: color,
        strokeWidth: 1.25,
        title: 'title',
        dy: -11,
      }),
      text(['points'], { frameAnchor: 'bottom-right', dy: 34, fill: 'var(--muted)' }),
    ],
  });
}

/** Half of the axis: holds every seed, and intervals as far as they leave the seeds readable. */
function limit(family: readonly Comparison[]): number {
  const seeds = family.flatMap(({ differences }) =>
    differences.map(({ value }) => Math.abs(value)),
  );
  const ends = family
    .flatMap(({ test }) => [Math.abs(test.interval.low), Math.abs(test.interval.high)])
    .filter(Number.isFinite);
  const largest = Math.max(...seeds, 0.1);
  const wanted = Math.min(Math.max(largest, ...ends), largest * 4);
  const step = wanted > 4 ? 1 : 0.5;
  return Math.ceil((wanted * 1.08) / step) * step;
}
