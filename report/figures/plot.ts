import { plot, type PlotOptions } from '@observablehq/plot';
import { parseHTML } from 'linkedom';

type Drawing = Omit<PlotOptions, 'title'> & {
  /** Distinguishes the ids of title and description on one page. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
};

/** What is used of an SVG element; the DOM itself is not among the types of a server. */
type SvgElement = {
  readonly outerHTML: string;
  textContent: string | null;
  readonly querySelector: (selector: string) => SvgElement | null;
  readonly querySelectorAll: (selector: string) => Iterable<SvgElement>;
  readonly setAttribute: (name: string, value: string) => void;
  readonly removeAttribute: (name: string) => void;
  readonly prepend: (child: unknown) => void;
  readonly remove: () => void;
};

type SvgDocument = {
  readonly createElementNS: (namespace: string, tag: string) => SvgElement;
};

/** Draws a plot as SVG text that is accessible, and styled by the page's custom properties. */
export function drawPlot({ id, title, description, ...options }: Drawing): string {
  const { document } = parseHTML('<html></html>') as unknown as { document: SvgDocument };
  const svg = plot({ ...options, document }) as unknown as SvgElement;
  // The page styles its plots; every plot would bring the same rules again.
  svg.querySelector('style')?.remove();
  // Labels of groups mean nothing to a reader who is given the description of the whole.
  for (const group of svg.querySelectorAll('[aria-label]')) group.removeAttribute('aria-label');
  for (const group of svg.querySelectorAll('[aria-hidden]')) group.removeAttribute('aria-hidden');
  for (const name of ['width', 'height', 'class', 'font-family']) svg.removeAttribute(name);
  svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  svg.setAttribute('class', 'plot');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-labelledby', `${id}-title ${id}-desc`);
  // Each goes first: the title comes to stand before the description.
  for (const { tag, text } of [
    { tag: 'desc', text: description },
    { tag: 'title', text: title },
  ]) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
    element.setAttribute('id', `${id}-${tag}`);
    element.textContent = text;
    svg.prepend(element);
  }
  return svg.outerHTML;
}

/**
 * Moves labels apart so that none is nearer than `gap` to the next, keeping their order and their
 * centre; values are in the same unit as `gap`.
 */
export function spreadLabels(
  values: readonly number[],
  gap: number,
  [low, high]: readonly [number, number],
): readonly number[] {
  const order = values.map((value, index) => ({ value, index })).sort((a, b) => a.value - b.value);
  const placed = order.map(({ value }) => value);
  for (let pass = 0; pass < 100; pass += 1) {
    for (let i = 1; i < placed.length; i += 1) {
      const overlap = gap - ((placed[i] ?? 0) - (placed[i - 1] ?? 0));
      if (overlap <= 0) continue;
      placed[i] = (placed[i] ?? 0) + overlap / 2;
      placed[i - 1] = (placed[i - 1] ?? 0) - overlap / 2;
    }
    const [least = low, most = high] = [placed[0], placed.at(-1)];
    const shift = least < low ? low - least : most > high ? high - most : 0;
    placed.forEach((value, i) => (placed[i] = value + shift));
  }
  const result = values.map(() => 0);
  order.forEach(({ index }, rank) => (result[index] = placed[rank] ?? 0));
  return result;
}

/** A domain that holds all values with some air, ending on multiples of `step`. */
export function paddedDomain(
  values: readonly number[],
  step: number,
  most: number,
): [number, number] {
  const low = Math.floor(Math.min(...values) / step) * step;
  const high = Math.min(most, Math.ceil(Math.max(...values) / step) * step);
  if (low < high) return [low, high];
  return low - step < 0 ? [low, low + step] : [low - step, high];
}
