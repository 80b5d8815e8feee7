import { ALPHA, SEEDS_FOR_A_VERDICT, type Comparison } from './tables/compare.ts';
import { capitalised, counted, fixed, inWords, lowered, signed } from './format.ts';
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
  /** Those of `sweep` that the study was made for: one for each student; none where it asks for all. */
  readonly questions: readonly Comparison[];
};

/**
 * The answer to what the study was made for, in one sentence: its explainers' entropy at a fixed
 * temperature, else the comparison of methods that it asks for first, else the range of all of them.
 */
export function headlineOf(evidence: Evidence): Headline {
  const { trials, entropies, sweep, questions } = evidence;
  const [entropy] = entropies;
  if (entropy !== undefined) {
    const { treated, baseline } = entropy;
    const headline = `Gates are ${entropyWord(entropy)} with ${lowered(treated)} ${than(entropy)} with ${baseline}`;
    return { headline, ...cautionOf(entropy) };
  }
  const asked = questions.length > 0 ? questions : sweep;
  const [first, ...others] = asked;
  if (first === undefined) return { headline: uncompared(trials) };
  return others.length === 0
    ? { headline: sweepHeadline(first), ...cautionOf(first) }
    : { headline: rangeHeadline(asked), ...rangeCaution(asked) };
}

/** The title of a study that compares nothing: what became of its trials. */
function uncompared({ all }: Trials): string {
  const count = (...states: readonly string[]): number =>
    all.filter(({ state }) => states.includes(state)).length;
  if (count('complete') > 0) return 'Trained and measured; there is nothing to compare';
  if (count('diverged', 'failed') === 0) return 'Nothing has been measured yet';
  if (count('failed') === 0) return 'Nothing was measured: training diverged';
  return count('diverged') === 0
    ? 'Nothing was measured: trials failed'
    : 'Nothing was measured: trials diverged or failed';
}

/** Whether two arms' gates are as sharp, to the eye. */
export const same = ({ test }: Comparison): boolean => Math.abs(test.mean) < SAME_ENTROPY;
export const than = (comparison: Comparison): string => (same(comparison) ? 'as' : 'than');

export function entropyWord(comparison: Comparison): string {
  if (same(comparison)) return 'as sharp';
  return comparison.test.mean < 0 ? 'sharper' : 'softer';
}

function sweepHeadline(comparison: Comparison): string {
  const { treated, baseline } = comparison;
  return `${treated} ended ${besides(comparison.test.mean)} ${baseline}`;
}

/** `0.31 points above`, `level with`. */
function besides(difference: number): string {
  const points = fixed(Math.abs(difference), 2);
  if (Number(points) === 0) return 'level with';
  return `${points} points ${difference > 0 ? 'above' : 'below'}`;
}

/** Where all comparisons lie: naming the largest alone would praise chance. */
function rangeHeadline(family: readonly Comparison[]): string {
  const means = family.map(({ test }) => test.mean);
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const [baseline, ...others] = new Set(family.map((comparison) => comparison.baseline));
  if (baseline === undefined || others.length > 0) {
    const many = capitalised(counted(family.length, 'difference'));
    return `${many} between methods lie between ${signed(low, 2)} and ${signed(high, 2)} points`;
  }
  const many = capitalised(counted(family.length, 'student'));
  if (besides(low) === besides(high)) return `${many} ended ${besides(low)} ${baseline}`;
  return `${many} ended between ${besides(low)} and ${besides(high)} ${baseline}`;
}

function rangeCaution(sweep: readonly Comparison[]): Pick<Headline, 'caution'> {
  const least = Math.min(...sweep.map(({ test }) => test.n));
  if (least < SEEDS_FOR_A_VERDICT) {
    return { caution: `seen in ${counted(least, 'seed')}: too few for a verdict` };
  }
  const shown = sweep.filter(({ adjustedP }) => adjustedP < ALPHA).length;
  if (shown === sweep.length) return {};
  const rest = shown === 0 ? 'none of these' : `${inWords(shown)} of these`;
  return { caution: `${rest} ${shown === 1 ? 'is' : 'are'} more than chance alone could make` };
}

function cautionOf({ test, adjustedP }: Comparison): Pick<Headline, 'caution'> {
  if (test.n < SEEDS_FOR_A_VERDICT) {
    const seen = `seen in ${counted(test.n, 'seed')}`;
    // Whoever reads the title alone must not take a null result for a finding.
    const chance = adjustedP >= ALPHA ? ', where chance alone could make it' : '';
    return { caution: `${seen}${chance}: too few for a verdict` };
  }
  return adjustedP < ALPHA ? {} : { caution: 'a difference that chance alone could make' };
}
