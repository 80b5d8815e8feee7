import { mean } from '../statistics/describe.ts';
import { armSamples, intrinsicEntropy } from './arms.ts';
import {
  differenceOf,
  holdsZero,
  SEEDS_FOR_A_VERDICT,
  verdict,
  type Comparison,
  type Sample,
} from './compare.ts';
import { quantity, type Prose } from './content.ts';
import { counted, fixed, interval, inWords, listed } from './format.ts';
import { ARM_LABELS, type Trials } from './trials.ts';

/** Below this a difference of mean normalised entropy is not worth a word. */
const SAME_ENTROPY = 0.005;

export type Findings = {
  /** One sentence, computed: the title of the page. */
  readonly headline: string;
  /** How far the seeds carry the headline, where they do not carry it all the way. */
  readonly caution?: string;
  readonly items: readonly Prose[];
};

type Evidence = {
  readonly trials: Trials;
  readonly entropies: readonly Comparison[];
  readonly sweep: readonly Comparison[];
};

/** What the study found, in words, and how far its seeds carry them. */
export function findingsOf(evidence: Evidence): Findings {
  const { trials, entropies, sweep } = evidence;
  return {
    ...headlineOf(evidence),
    items: [
      ...entropyValues(trials),
      ...entropies.map(entropyFinding),
      ...armAccuracy(trials),
      ...sweep.map(sweepFinding),
      ...seedsFinding([...entropies, ...sweep]),
      ...lostFinding(trials),
    ],
  };
}

function headlineOf({
  trials,
  entropies,
  sweep,
}: Evidence): Pick<Findings, 'headline' | 'caution'> {
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

const same = ({ test }: Comparison): boolean => Math.abs(test.mean) < SAME_ENTROPY;
const than = (comparison: Comparison): string => (same(comparison) ? 'as' : 'than');

function entropyWord(comparison: Comparison): string {
  if (same(comparison)) return 'as sharp';
  return comparison.test.mean < 0 ? 'sharper' : 'softer';
}

function sweepHeadline(comparison: Comparison): string {
  const points = fixed(Math.abs(comparison.test.mean), 2);
  const { treated, baseline, test } = comparison;
  if (Number(points) === 0) return `${treated} ended level with ${baseline}`;
  return `${treated} ended ${points} points ${test.mean > 0 ? 'above' : 'below'} ${baseline}`;
}

function cautionOf({ test, adjustedP }: Comparison): Pick<Findings, 'caution'> {
  if (test.n < SEEDS_FOR_A_VERDICT) {
    return { caution: `seen in ${counted(test.n, 'seed')}: too few for a verdict` };
  }
  return adjustedP < 0.05 ? {} : { caution: 'a difference that chance alone could make' };
}

/** The headline's quantity, arm by arm. */
function entropyValues({ arms }: Trials): readonly Prose[] {
  const measured = armMeans(arms, intrinsicEntropy);
  if (measured.length === 0) return [];
  return [
    [
      'Gate entropy, from 0 (a gate reads one expert) to 1 (it reads all of them alike): ',
      ...enumerated(measured, 'mean gate entropy at τ = 0.5', (value) => fixed(value, 3)),
      '.',
    ],
  ];
}

function entropyFinding(comparison: Comparison): Prose {
  const direction = comparison.test.mean < 0 ? 'in' : 'against';
  return [
    `Gates are ${entropyWord(comparison)} with distillation ${than(comparison)} with ${comparison.baseline}: a difference of `,
    differenceOf(comparison, 3, 'mean gate entropy at τ = 0.5'),
    intervalText(comparison, 3),
    same(comparison) ? ', next to none' : `, ${direction} the direction of the paper’s claim`,
    verdictText(comparison, 3),
    '.',
  ];
}

function armAccuracy({ arms }: Trials): readonly Prose[] {
  const measured = armMeans(arms, ({ hard }) => hard.top1);
  if (measured.length === 0) return [];
  return [
    [
      'The hard trees classify ',
      ...enumerated(measured, 'test accuracy of the hard tree', (value) => `${fixed(value, 2)} %`),
      ' of the test images correctly.',
    ],
  ];
}

type ArmMean = { readonly name: string; readonly samples: readonly Sample[] };

function armMeans(
  arms: Trials['arms'],
  pick: Parameters<typeof armSamples>[1],
): readonly ArmMean[] {
  return arms.flatMap((arm) => {
    const samples = armSamples(arm, pick);
    return samples.length === 0 ? [] : [{ name: ARM_LABELS[arm.name].toLowerCase(), samples }];
  });
}

/** `a with hard labels, b with label smoothing and c with distillation`. */
function enumerated(
  measured: readonly ArmMean[],
  what: string,
  text: (value: number) => string,
): Prose {
  return measured.flatMap(({ name, samples }, i) => {
    const value = mean(samples.map((sample) => sample.value));
    const from = samples.map(({ trial }) => trial);
    const said = from.length > 1 ? `${what}: mean of ${from.length} seeds` : what;
    return [separator(i, measured.length), quantity(text(value), from, said), ` with ${name}`];
  });
}

function separator(index: number, count: number): string {
  if (index === 0) return '';
  return index === count - 1 ? ' and ' : ', ';
}

function sweepFinding(comparison: Comparison): Prose {
  return [
    `${comparison.treated} against ${comparison.baseline}: `,
    differenceOf(comparison, 2, 'test accuracy, last epoch'),
    ' points of test accuracy',
    intervalText(comparison, 2),
    verdictText(comparison, 2),
    '.',
  ];
}

function intervalText(comparison: Comparison, decimals: number): string {
  const { n, interval: range } = comparison.test;
  if (n < 2) return '';
  const zero = holdsZero(comparison) ? ': it holds zero, so no difference is shown' : '';
  return ` (95 % interval ${interval(range.low, range.high, decimals)}${zero})`;
}

function verdictText(comparison: Comparison, decimals: number): string {
  return comparison.test.n < SEEDS_FOR_A_VERDICT ? '' : `; ${verdict(comparison, decimals)}`;
}

/** Said once, for all comparisons that describe and do not judge. */
function seedsFinding(comparisons: readonly Comparison[]): readonly Prose[] {
  const short = comparisons.filter(({ test }) => test.n < SEEDS_FOR_A_VERDICT);
  if (short.length === 0) return [];
  const counts = short.map(({ test }) => test.n);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  const from = least === most ? '' : `${inWords(least)} to `;
  const seeds = `${from}${counted(most, 'seed')}`;
  const whose = short.length === comparisons.length ? 'These comparisons' : 'Some of these';
  return [
    [
      `${whose} rest on ${seeds}. They describe these runs; a verdict needs ${counted(SEEDS_FOR_A_VERDICT, 'seed')}.`,
    ],
  ];
}

const LOST = {
  diverged: 'diverged',
  failed: 'failed',
  blocked: 'could not run without one of these',
  open: 'not run yet',
} as const;

function lostFinding({ all }: Trials): readonly Prose[] {
  const counts = (['diverged', 'failed', 'blocked', 'open'] as const).flatMap((state) => {
    const trials = all.filter((trial) => trial.state === state);
    return trials.length === 0 ? [] : [{ trials, text: `${trials.length} ${LOST[state]}` }];
  });
  if (counts.length === 0) return [];
  return [
    [
      `Of ${all.length} trials, `,
      quantity(
        listed(counts.map(({ text }) => text)),
        counts.flatMap(({ trials }) => trials),
        'trials without a complete result',
      ),
      '. Means are of the seeds that remain; every n says how many those are.',
    ],
  ];
}
