import {
  missing,
  quantity,
  type Prose,
  type Quantity,
  type Row,
  type Table,
} from '../page/content.ts';
import { counted, fixed, interval, pValue, signed } from '../format.ts';
import { ALPHA, labelOf, MOST_PAIRS, pWithSign, type Comparison } from './compare.ts';

/** A mean difference as it is printed. */
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
      Number.isNaN(signFlipP)
        ? [missing(`too many pairs for the exact test: more than ${MOST_PAIRS}`)]
        : cell(pValue(signFlipP), `exact; no less than ${pValue(comparison.floor)} is possible`),
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
