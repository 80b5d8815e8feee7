import { minimumDetectableEffect } from '../../statistics/power.ts';
import { holm, holmLevels } from '../../statistics/holm.ts';
import { signFlip, signFlipFloor } from '../../statistics/sign-flip.ts';
import { pairedT, type PairedComparison } from '../../statistics/t-test.ts';
import { counted, fixed, pValue } from '../format.ts';
import type { ReportTrial } from '../input.ts';

/** Claims need this many seeds; below it a report describes and does not judge. */
export const SEEDS_FOR_A_VERDICT = 10;
/** Chance of one false difference or more in a family, where there is none. */
export const ALPHA = 0.05;
/** Chance to find a difference of the size that is called detectable. */
const POWER = 0.8;
/** Pairs that the exact sign-flip test takes. */
export const MOST_PAIRS = 40;

/** One measured value of one seed. */
export type Sample = {
  readonly seed: number;
  readonly value: number;
  readonly trial: ReportTrial;
};

/** Differences of samples that share a seed. */
export type Comparison = {
  readonly treated: string;
  readonly baseline: string;
  readonly differences: readonly { readonly seed: number; readonly value: number }[];
  readonly trials: readonly ReportTrial[];
  readonly test: PairedComparison;
  /** Holm-adjusted over the family that the comparison stands in. */
  readonly adjustedP: number;
  readonly signFlipP: number;
  readonly floor: number;
  /** Smallest difference found with `POWER`, at the level that Holm asks of this comparison. */
  readonly detectable: number;
};

type Pairing = Pick<Comparison, 'treated' | 'baseline' | 'differences' | 'trials'>;
type Group = { readonly name: string; readonly samples: readonly Sample[] };

/** Pairs two groups by seed: `treated` minus `baseline`. */
export function pairSamples(treated: Group, baseline: Group): Pairing {
  const pairs = treated.samples.flatMap((a) => {
    const b = baseline.samples.find(({ seed }) => seed === a.seed);
    return b === undefined ? [] : [{ a, b }];
  });
  return {
    treated: treated.name,
    baseline: baseline.name,
    differences: pairs.map(({ a, b }) => ({ seed: a.seed, value: a.value - b.value })),
    trials: pairs.flatMap(({ a, b }) => [a.trial, b.trial]),
  };
}

/** Tests a family of pairings together; pairings without a pair are left out. */
export function compareFamily(pairings: readonly Pairing[]): readonly Comparison[] {
  const paired = pairings.filter(({ differences }) => differences.length > 0);
  const tests = paired.map(({ differences }) => pairedT(differences.map(({ value }) => value)));
  const pValues = tests.map(({ p }) => p);
  const adjusted = holm(pValues);
  const levels = holmLevels(pValues, ALPHA);
  return paired.map((pairing, i) => {
    const test = tests[i] ?? pairedT([]);
    const values = pairing.differences.map(({ value }) => value);
    return {
      ...pairing,
      test,
      adjustedP: adjusted[i] ?? Number.NaN,
      signFlipP: values.length > MOST_PAIRS ? Number.NaN : signFlip(values),
      floor: signFlipFloor(values.length),
      detectable: minimumDetectableEffect(test.standardDeviation, values.length, {
        alpha: levels[i] ?? Number.NaN,
        power: POWER,
      }),
    };
  });
}

/** `KD − CE`. */
export const labelOf = ({ treated, baseline }: Pairing): string => `${treated} − ${baseline}`;

/** Whether the difference's interval leaves its sign open. */
export function holdsZero({ test: { interval: range } }: Comparison): boolean {
  return range.low <= 0 && range.high >= 0;
}

/** What the seeds allow to be said of a difference. */
export function verdict({ test, adjustedP, detectable }: Comparison, decimals: number): string {
  if (test.n < SEEDS_FOR_A_VERDICT) {
    return `${counted(test.n, 'seed is', 'seeds are')} too few for a verdict`;
  }
  if (adjustedP < ALPHA) return `a difference, Holm-adjusted p ${pWithSign(adjustedP)}`;
  if (detectable === 0) return 'both sides are equal, seed by seed';
  return `no difference found; one of ${fixed(detectable, decimals)} would have been, four times in five`;
}

export const pWithSign = (p: number): string => (p < 0.001 ? pValue(p) : `= ${pValue(p)}`);
