import { minimumDetectableEffect } from '../../statistics/power.ts';
import { holm, holmLevels } from '../../statistics/holm.ts';
import { signFlip, signFlipFloor } from '../../statistics/sign-flip.ts';
import { pairedT, type PairedComparison } from '../../statistics/t-test.ts';
import {
  missing,
  quantity,
  type Prose,
  type Quantity,
  type Row,
  type Table,
} from '../page/content.ts';
import { counted, fixed, interval, pValue, signed } from '../format.ts';
import type { ReportTrial } from '../input.ts';

/** Claims need this many seeds; below it a report describes and does not judge. */
export const SEEDS_FOR_A_VERDICT = 10;
/** Chance of one false difference or more in a family, where there is none. */
const ALPHA = 0.05;
/** Chance to find a difference of the size that is called detectable. */
const POWER = 0.8;
/** Pairs that the exact sign-flip test takes. */
const MOST_PAIRS = 40;

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
  return `no difference found; one of ${fixed(detectable, decimals)} would have been, four times in five`;
}

const pWithSign = (p: number): string => (p < 0.001 ? pValue(p) : `= ${pValue(p)}`);

export function differenceOf(comparison: Comparison, decimals: number, what: string): Quantity {
  return quantity(
    signed(comparison.test.mean, decimals),
    comparison.trials,
    `${what}: mean of ${counted(comparison.test.n, 'paired difference')}`,
  );
}

type ComparisonTable = {
  readonly id: string;
  readonly caption: string;
  readonly unit: string;
  readonly decimals: number;
  /** What is compared, for tooltips. */
  readonly what: string;
};

/** The table of a family: difference, interval, both tests; under it the least effect to be seen. */
export function comparisonTable(family: readonly Comparison[], options: ComparisonTable): Table {
  const { id, caption, unit } = options;
  const single = family.every(({ test }) => test.n < 2);
  const rows = family.map((comparison) => comparisonRow(comparison, options));
  const columns = [
    { label: 'Comparison' },
    { label: 'pairs', numeric: true },
    { label: `difference, ${unit}`, numeric: true },
    { label: '95 % interval', numeric: true, hint: 'Student’s t on paired differences' },
    { label: 'p, paired t', numeric: true, hint: 'two-sided, Holm-adjusted over this table' },
    { label: 'p, sign flips', numeric: true, hint: 'exact, two-sided, not adjusted' },
    { label: 'detectable', numeric: true, hint: 'found four times in five by this many seeds' },
  ];
  if (single) {
    return {
      ...{ id, caption, columns: columns.slice(0, 3) },
      rows: rows.map(({ head, cells }) => ({ head, cells: cells.slice(0, 2) })),
      notes: [['One pair has no spread: no interval and no test can be made of it.']],
    };
  }
  const notes = [detectableNote(family), testsNote(family), ...floorNote(family)];
  return { id, caption, columns, rows, notes };
}

function comparisonRow(comparison: Comparison, { decimals, what }: ComparisonTable): Row {
  const { test, trials, adjustedP, signFlipP, detectable } = comparison;
  const cell = (text: string, of: string): Prose => [quantity(text, trials, of)];
  const few: Prose = [missing('needs at least two pairs')];
  return {
    head: [labelOf(comparison)],
    cells: [
      cell(String(test.n), 'seeds that both sides completed'),
      [{ ...differenceOf(comparison, decimals, what), tone: 'headline' }],
      test.n < 2
        ? few
        : cell(interval(test.interval.low, test.interval.high, decimals), '95 % t interval'),
      test.n < 2 ? few : cell(pValue(adjustedP), `paired t, unadjusted p ${pWithSign(test.p)}`),
      cell(pValue(signFlipP), `exact; no less than ${pValue(comparison.floor)} is possible`),
      test.n < 2
        ? few
        : cell(fixed(detectable, decimals), 'smallest difference found four times in five'),
    ],
  };
}

function detectableNote(family: readonly Comparison[]): Prose {
  const tested = family.filter(({ test }) => test.n > 1).length;
  const level =
    tested > 1
      ? `with Holm’s adjustment for ${counted(tested, 'comparison')}, which together err in no more than 5 % of studies without any difference`
      : 'at α = 0.05';
  return [
    `Detectable: the smallest difference that these seeds would show four times in five, ${level}. A smaller one may be there and stay unseen.`,
  ];
}

function testsNote(family: readonly Comparison[]): Prose {
  const tested = family.filter(({ test }) => test.n > 1).length;
  const adjusted = tested > 1 ? `, adjusted (Holm) for ${counted(tested, 'comparison')}` : '';
  return [
    `p of the paired t is two-sided${adjusted}; intervals and sign flips are of one comparison.`,
  ];
}

function floorNote(family: readonly Comparison[]): readonly Prose[] {
  const short = family.filter(({ floor }) => floor > ALPHA / family.length);
  if (short.length === 0) return [];
  const pairs = Math.max(...short.map(({ test }) => test.n));
  const floor = pValue(Math.min(...short.map((comparison) => comparison.floor)));
  return [
    [
      `With ${counted(pairs, 'pair')} the sign-flip test cannot go below p = ${floor}: too few for a permutation verdict.`,
    ],
  ];
}
