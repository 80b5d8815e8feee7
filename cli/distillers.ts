import { DISTILLERS } from '../distillers/registry.ts';
import type { Json } from '../study/canonical.ts';
import { distillerSchema } from '../study/distillers.ts';
import { inColumns } from './columns.ts';

/** A distillation method as `kdx list distillers` shows it. */
export type ListedDistiller = {
  readonly name: string;
  /** What it reads of a teacher. */
  readonly reads: 'nothing' | 'logits' | 'features';
  /** Weight where a study says none. */
  readonly weight: number;
  /** Options with their defaults. */
  readonly options: Readonly<Record<string, Json>>;
  readonly paper: string;
};

/** Every method that a study may name. */
export function listDistillers(): readonly ListedDistiller[] {
  return DISTILLERS.map(({ name, reads, paper }) => {
    const { name: _name, weight, ...options } = distillerSchema.parse({ name });
    return { name, reads: reads.teacher ?? 'nothing', weight, options, paper };
  });
}

/** A table: name, what it reads, weight, options, paper. */
export function distillerLines(distillers: readonly ListedDistiller[]): readonly string[] {
  const rows = distillers.map(({ name, reads, weight, options, paper }) => {
    const settings = Object.entries(options).map(
      ([key, value]) => `${key} ${JSON.stringify(value)}`,
    );
    return [name, reads, String(weight), settings.join(', ') || '–', paper];
  });
  return inColumns([['method', 'reads', 'weight', 'options', 'paper'], ...rows]);
}

/** What is no term of a loss, and named among the methods all the same. */
export const DOT_LINE =
  'dot is an optimiser: "optimizer": { "name": "sgd", "dot": 0.075 } (ICCV 2023; Zhao et al.)';
