import { SEEDS_FOR_A_VERDICT, type Comparison } from './tables/compare.ts';
import { counted, fixed } from './format.ts';
import type { Trials } from './trials.ts';

/** Below this a difference of mean normalised entropy is not worth a word. */
const SAME_ENTROPY = 0.005;

export type Headline = {
  /** One sentence, computed: the title of the page. */
  readonly headline: string;
  /** How far the seeds carry the headline, where they do not carry it all the way. */
  readonly caution?: string;
};

/** What findings are drawn from: trials, and the families of comparisons. */
export type Evidence = {
  readonly trials: Trials;
  readonly entropies: readonly Comparison[];
  readonly sweep: readonly Comparison[];
};

/** The first comparison of the study in one sentence: its explainers', else its students'. */
export function headlineOf({ trials, entropies, sweep }: Evidence): Headline {
  const first = entropies[0];
  if (first !== undefined) {
    const headline = `Gates are ${entropyWord(first)} with distillation ${than(first)} with ${first.baseline}`;
    return { headline, ...cautionOf(first) };
  }
  const change = sweep[0];
  if (change !== undefined) return { headline: sweepHeadline(change), ...cautionOf(change) };
  const done = trials.all.filter(({ state }) => state === 'complete').length;
  return {
    headline:
      done === 0
        ? 'Nothing has been measured yet'
        : 'Trained and measured; there is nothing to compare yet',
  };
}

/** Whether two arms' gates are as sharp, to the eye. */
export const same = ({ test }: Comparison): boolean => Math.abs(test.mean) < SAME_ENTROPY;
export const than = (comparison: Comparison): string => (same(comparison) ? 'as' : 'than');

export function entropyWord(comparison: Comparison): string {
  if (same(comparison)) return 'as sharp';
  return comparison.test.mean < 0 ? 'sharper' : 'softer';
}

function sweepHeadline(comparison: Comparison): string {
  const points = fixed(Math.abs(comparison.test.mean), 2);
  const { treated, baseline, test } = comparison;
  if (Number(points) === 0) return `${treated} ended level with ${baseline}`;
  return `${treated} ended ${points} points ${test.mean > 0 ? 'above' : 'below'} ${baseline}`;
}

function cautionOf({ test, adjustedP }: Comparison): Pick<Headline, 'caution'> {
  if (test.n < SEEDS_FOR_A_VERDICT) {
    return { caution: `seen in ${counted(test.n, 'seed')}: too few for a verdict` };
  }
  return adjustedP < 0.05 ? {} : { caution: 'a difference that chance alone could make' };
}
