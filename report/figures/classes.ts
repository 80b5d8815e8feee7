import { dot, link, text } from '@observablehq/plot';
import type { Figure } from '../page/content.ts';
import { fixed, listed, lowered } from '../format.ts';
import { classAccuracy } from '../tables/measures.ts';
import { ARM_LABELS } from '../trials.ts';
import { ARM_COLORS, ARM_SHORT } from './palette.ts';
import { drawPlot, paddedDomain, spreadLabels } from './plot.ts';
import type { DrawnTree } from './trees.ts';

const ROW_PIXELS = 24;
const MARGIN = { marginLeft: 86, marginRight: 20, marginTop: 34, marginBottom: 24 } as const;
const WIDTH = 480;
const PLOTTED = WIDTH - MARGIN.marginLeft - MARGIN.marginRight;
/** Room that the name of an arm takes. */
const LABEL_PIXELS = 74;
/** Dots this near to each other, in shares of the axis, are set beside each other. */
const TOUCHING = 0.02;

/** Classes that a sentence names; of more it says how many. */
const MOST_NAMED = 8;

type Mark = {
  readonly name: string;
  readonly value: number;
  readonly color: string;
  readonly title: string;
  readonly label: string;
};

/** Accuracy per class of the hard trees: a row per class, a dot per arm. */
export function classesFigure(
  drawn: readonly DrawnTree[],
  names: readonly string[],
): Figure | undefined {
  const marks = drawn.flatMap(({ arm, told }) =>
    told.explanation.hard.perClass.flatMap((scored): Mark[] => {
      const value = classAccuracy(scored);
      if (value === undefined) return [];
      const name = names[scored.class] ?? String(scored.class);
      const share = `${fixed(value, 1)} % (${scored.correct} of ${scored.images})`;
      return [
        {
          ...{ name, value },
          color: ARM_COLORS[arm.name],
          label: ARM_SHORT[arm.name],
          title: `${name}, ${lowered(ARM_LABELS[arm.name])}: ${share}`,
        },
      ];
    }),
  );
  if (marks.length === 0) return undefined;
  const order = [...Map.groupBy(marks, ({ name }) => name)]
    .map(([name, own]) => ({ name, least: Math.min(...own.map(({ value }) => value)), own }))
    .sort((a, b) => b.least - a.least);
  const seed = drawn[0]?.told.seed ?? 0;
  const whose =
    drawn.length === 1 ? `the hard tree (seed ${seed})` : `the hard trees (seed ${seed})`;
  const sorted = drawn.length === 1 ? ', sorted' : ', sorted by the worst of the arms';
  return {
    id: 'classes',
    width: 'text',
    panelPixels: 400,
    panels: [
      {
        title: '',
        svg: drawClasses(
          marks,
          order,
          drawn.map(({ arm }) => ARM_LABELS[arm.name]),
        ),
      },
    ],
    caption: [
      `Accuracy per class of ${whose}${sorted}. ${grainText(drawn)}${absentText(drawn, names)}`,
    ],
  };
}

/** How much one image weighs, so that nobody reads a story into it. */
function grainText(drawn: readonly DrawnTree[]): string {
  const counts = imagesOf(drawn).filter((images) => images > 0);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const size = `${fixed(least, 0)} test ${least === 1 ? 'image' : 'images'}`;
  const moves = `one image moves a dot by ${least === most ? '' : 'up to '}${fixed(100 / least, 1)} points`;
  return least === most
    ? `A class has ${size}: ${moves}.`
    : `A class has ${size} or more: ${moves}.`;
}

/** Classes that a small test split has no image of. */
function absentText(drawn: readonly DrawnTree[], names: readonly string[]): string {
  const perClass = drawn[0]?.told.explanation.hard.perClass ?? [];
  const absent = perClass
    .filter(({ images }) => images === 0)
    .map(({ class: index }) => names[index] ?? String(index));
  if (absent.length === 0) return '';
  const which =
    absent.length > MOST_NAMED
      ? `${fixed(absent.length, 0)} classes`
      : `${absent.length === 1 ? 'class' : 'classes'} ${listed(absent)}`;
  return ` The test images have none of ${which}.`;
}

function imagesOf(drawn: readonly DrawnTree[]): readonly number[] {
  return drawn.flatMap(({ told }) => told.explanation.hard.perClass.map(({ images }) => images));
}

type ClassRow = { readonly name: string; readonly least: number; readonly own: readonly Mark[] };

function drawClasses(
  marks: readonly Mark[],
  order: readonly ClassRow[],
  arms: readonly string[],
): string {
  const domain = paddedDomain(
    marks.map(({ value }) => value),
    5,
    100,
  );
  const width = (domain[1] - domain[0]) * TOUCHING;
  const spans = order.map(({ name, own, least }) => ({
    name,
    from: least,
    to: Math.max(...own.map(({ value }) => value)),
  }));
  return drawPlot({
    id: 'classes-plot',
    title: 'Accuracy per class of the hard trees',
    description: `${arms.join(', ')}. ${marks.map(({ title }) => title).join('; ')}.`,
    width: WIDTH,
    height: MARGIN.marginTop + MARGIN.marginBottom + order.length * ROW_PIXELS,
    ...MARGIN,
    x: {
      domain,
      label: null,
      tickSize: 0,
      ticks: 6,
      grid: true,
      axis: 'bottom',
      tickFormat: (value: number) => `${value} %`,
    },
    y: {
      domain: order.map(({ name }) => name),
      label: null,
      tickSize: 0,
      type: 'point',
      padding: 0.6,
    },
    marks: [
      link(spans, {
        x1: 'from',
        x2: 'to',
        y1: 'name',
        y2: 'name',
        stroke: 'var(--rule)',
        strokeWidth: 3,
      }),
      dot(beside(marks, width), {
        x: 'place',
        y: 'name',
        r: 5,
        fill: 'color',
        stroke: 'var(--paper)',
        strokeWidth: 1.25,
        title: 'title',
      }),
      firstRowLabels(order[0], domain),
    ],
  });
}

/** Dots of one class that would hide each other are moved beside each other; the title has the value. */
function beside(marks: readonly Mark[], width: number) {
  return [...Map.groupBy(marks, ({ name }) => name).values()].flatMap((own) => {
    const sorted = own.toSorted((a, b) => a.value - b.value);
    return sorted.map((mark, i) => {
      const hidden = sorted.filter((other) => Math.abs(other.value - mark.value) < width / 2);
      const shift = (hidden.indexOf(mark) - (hidden.length - 1) / 2) * width * 0.7;
      return { ...mark, place: mark.value + (hidden.length > 1 && i >= 0 ? shift : 0) };
    });
  });
}

/** Names of the arms over the dots of the first row, in place of a legend. */
function firstRowLabels(row: ClassRow | undefined, [low, high]: readonly [number, number]) {
  const marks = row?.own ?? [];
  const perPixel = (high - low) / PLOTTED;
  const places = spreadLabels(
    marks.map(({ value }) => value),
    LABEL_PIXELS * perPixel,
    [low + (LABEL_PIXELS / 2) * perPixel, high - (LABEL_PIXELS / 4) * perPixel],
  );
  return text(
    marks.map((mark, i) => ({ ...mark, place: places[i] })),
    { x: 'place', y: 'name', text: 'label', fill: 'color', dy: -17, fontWeight: 600 },
  );
}
