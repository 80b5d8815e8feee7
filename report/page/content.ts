import type { ReportTrial } from '../input.ts';

/**
 * What a report says, before it is HTML or Markdown: both are written from the same content, so
 * their numbers cannot differ.
 */

/** Marks what its authors published no code for, and we made from their description. */
export const RECONSTRUCTED = '†';

/** A number as it is printed, and the trials it comes from. */
export type Quantity = {
  readonly text: string;
  readonly from: readonly ReportTrial[];
  /** What the number is, for the tooltip. */
  readonly what?: string;
  /** `optimistic`: chosen by looking at the test set. `published`: not ours, to compare with. */
  readonly tone?: 'headline' | 'optimistic' | 'missing' | 'published';
};

/** A piece of running text. */
export type Inline = string | Quantity;
export type Prose = readonly Inline[];

export type Column = {
  readonly label: string;
  readonly numeric?: boolean;
  readonly hint?: string;
};

export type Row = {
  /** The row's header cell. */
  readonly head: Prose;
  readonly cells: readonly Prose[];
};

export type Table = {
  readonly id: string;
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  readonly notes: readonly Prose[];
};

/** A drawing: SVG panels under one caption. Markdown links to the files instead. */
export type Figure = {
  readonly id: string;
  readonly caption: Prose;
  readonly width: 'text' | 'wide';
  /** Least width of a panel in pixels; narrower screens stack them. */
  readonly panelPixels: number;
  readonly panels: readonly Panel[];
};

export type Panel = {
  readonly title: string;
  /** Class that colours the title like its data. */
  readonly tone?: string;
  readonly subtitle?: Prose;
  readonly svg: string;
};

export type Block =
  | { readonly kind: 'prose'; readonly prose: Prose }
  | { readonly kind: 'list'; readonly items: readonly Prose[] }
  | { readonly kind: 'table'; readonly table: Table }
  | { readonly kind: 'figure'; readonly figure: Figure }
  | { readonly kind: 'code'; readonly text: string };

export type Section = {
  readonly id: string;
  readonly title: string;
  readonly blocks: readonly Block[];
};

export function quantity(
  text: string,
  from: readonly ReportTrial[],
  what?: string,
  tone?: Quantity['tone'],
): Quantity {
  return {
    text,
    from,
    ...(what === undefined ? {} : { what }),
    ...(tone === undefined ? {} : { tone }),
  };
}

/** A cell for a number that is not there. */
export function missing(why: string): Quantity {
  return { text: '–', from: [], what: why, tone: 'missing' };
}

export const prose = (...items: readonly Inline[]): Block => ({ kind: 'prose', prose: items });

/** Running text without its provenance. */
export function plain(text: Prose): string {
  return text.map((item) => (typeof item === 'string' ? item : item.text)).join('');
}
