import { dot, link, rect, ruleX, text } from '@observablehq/plot';
import { labelOf, type Comparison } from '../tables/compare.ts';
import { againstWords } from '../tables/sweep.ts';
import type { Figure } from '../page/content.ts';
import { counted, signed } from '../format.ts';
import { drawPlot } from './plot.ts';

const ROW_PIXELS = 62;
/** More rows than these are a table's business. */
const MOST_ROWS = 24;
/** Characters of a label that fit over its row. */
const MOST_CHARACTERS = 56;

/** Paired differences: a dot per seed, the mean, its interval, and what could be seen. */
export function differencesFigure(family: readonly Comparison[]): Figure | undefined {
  if (family.length === 0) return undefined;
  const drawn = family.slice(0, MOST_ROWS);
  const few =
    drawn.length < family.length ? ` The first ${MOST_ROWS} of ${family.length} are drawn.` : '';
  const shaded = drawn.some(({ detectable }) => detectable > 0)
    ? ' Shaded: differences that these seeds would miss more than once in five times.'
    : '';
  const marks = drawn.some(({ test }) => test.n > 1)
    ? 'Small dots: one seed each, paired. Large dot and bar: mean and 95 % interval.'
    : 'A dot: the difference of the one seed that both completed.';
  return {
    id: 'seeds',
    width: 'text',
    panelPixels: 400,
    panels: [{ title: '', svg: drawDifferences(drawn) }],
    caption: [
      `Differences ${againstWords(drawn)} in test accuracy, last epoch. ${marks}${shaded}${few}`,
    ],
  };
}

function rowLabel(comparison: Comparison): string {
  const label = labelOf(comparison);
  return label.length <= MOST_CHARACTERS ? label : `${label.slice(0, MOST_CHARACTERS - 1)}…`;
}

function drawDifferences(family: readonly Comparison[]): string {
  const reach = limit(family);
  // Two long labels may be cut to the same text; a row's place is its number.
  const rows = family.map((comparison, row) => ({
    ...comparison,
    row,
    label: rowLabel(comparison),
  }));
  const dots = rows.flatMap(({ row, label, differences }) =>
    differences.map(({ seed, value }) => ({
      row,
      value,
      title: `${label}, seed ${seed}: ${signed(value, 2)} points`,
    })),
  );
  const means = rows.map(({ row, label, test }) => ({
    row,
    value: test.mean,
    low: Math.max(-reach, Number.isFinite(test.interval.low) ? test.interval.low : test.mean),
    high: Math.min(reach, Number.isFinite(test.interval.high) ? test.interval.high : test.mean),
    title: `${label}: ${signed(test.mean, 2)} points, mean of ${counted(test.n, 'pair')}`,
  }));
  const bands = rows
    .filter(({ detectable }) => Number.isFinite(detectable))
    .map(({ row, detectable }) => ({
      row,
      low: Math.max(-reach, -detectable),
      high: Math.min(reach, detectable),
    }));
  const color = 'var(--accent)';
  return drawPlot({
    id: 'seeds-plot',
    title: `Differences ${againstWords(family)}, paired by seed`,
    description: `${means.map(({ title }) => title).join('; ')}.`,
    width: 480,
    height: 44 + rows.length * ROW_PIXELS,
    marginLeft: 20,
    marginRight: 20,
    marginTop: 6,
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
      domain: rows.map(({ row }) => row),
      axis: null,
      type: 'band',
      paddingInner: 0.55,
      paddingOuter: 0.3,
      align: 1,
    },
    marks: [
      rect(bands, { x1: 'low', x2: 'high', y: 'row', fill: 'var(--shade)', rx: 3 }),
      ruleX([0], { stroke: 'var(--muted)' }),
      link(means, {
        x1: 'low',
        x2: 'high',
        y1: 'row',
        y2: 'row',
        stroke: color,
        strokeWidth: 2,
      }),
      dot(means, { x: 'value', y: 'row', r: 6, fill: color, title: 'title' }),
      dot(dots, {
        x: 'value',
        y: 'row',
        r: 3,
        fill: 'var(--paper)',
        stroke: color,
        strokeWidth: 1.25,
        title: 'title',
        dy: -11,
      }),
      text(rows, {
        y: 'row',
        text: 'label',
        frameAnchor: 'left',
        dx: -14,
        dy: -24,
        fill: 'var(--ink)',
        // A label may lie over the line at zero.
        stroke: 'var(--paper)',
        strokeWidth: 4,
        fontWeight: 600,
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
