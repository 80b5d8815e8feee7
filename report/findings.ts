import { mean } from '../statistics/describe.ts';
import { armSamples, intrinsicEntropy } from './tables/arms.ts';
import {
  holdsZero,
  SEEDS_FOR_A_VERDICT,
  verdict,
  type Comparison,
  type Sample,
} from './tables/compare.ts';
import { quantity, type Prose } from './page/content.ts';
import { entropyWord, headlineOf, same, than, type Evidence, type Headline } from './headline.ts';
import { capitalised, counted, fixed, interval, inWords, listed, lowered } from './format.ts';
import { lostFinding } from './lost.ts';
import { differenceOf } from './tables/comparison-table.ts';
import { ARM_LABELS, type Trials } from './trials.ts';

/** Below so many times the accuracy of chance a network has not learned. */
const AT_CHANCE = 2;

/** Comparisons of methods that are said in words. */
const MOST_SENTENCES = 10;

export type Findings = Headline & { readonly items: readonly Prose[] };

/** What the study found, in words, and how far its seeds carry them. */
export function findingsOf(evidence: Evidence): Findings {
  const { trials, entropies, sweep } = evidence;
  return {
    ...headlineOf(evidence),
    items: [
      ...entropyValues(trials),
      ...entropies.map(entropyFinding),
      ...armAccuracy(trials),
      ...untrainedFinding(trials),
      ...sweepFindings(sweep),
      ...seedsFinding([...entropies, ...sweep]),
      ...lostFinding(trials),
    ],
  };
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
  const claim =
    comparison.treated === ARM_LABELS.distillation
      ? `, ${direction} the direction of the paper’s claim`
      : '';
  return [
    `Gates are ${entropyWord(comparison)} with ${lowered(comparison.treated)} ${than(comparison)} with ${comparison.baseline}: a difference of `,
    differenceOf(comparison, 3, 'mean gate entropy at τ = 0.5'),
    intervalText(comparison, 3),
    same(comparison) ? ', next to none' : claim,
    verdictText(comparison, 3),
    '.',
  ];
}

function armAccuracy({ arms }: Trials): readonly Prose[] {
  const measured = armMeans(arms, ({ hard }) => hard.top1);
  if (measured.length === 0) return [];
  return [
    [
      'Of the test images the hard trees classify correctly ',
      ...enumerated(measured, 'test accuracy of the hard tree', (value) => `${fixed(value, 2)} %`),
      '.',
    ],
  ];
}

/** A tree that guesses has an accuracy, but nothing to say. */
function untrainedFinding({ arms }: Trials): readonly Prose[] {
  const guessing = arms.flatMap((arm) => {
    const samples = armSamples(arm, ({ hard }) =>
      hard.top1 < (AT_CHANCE * 100) / hard.perClass.length ? hard.top1 : undefined,
    );
    return samples.length === 0 ? [] : [{ name: ARM_LABELS[arm.name].toLowerCase(), samples }];
  });
  if (guessing.length === 0) return [];
  return [
    [
      'Hard trees that have not learned, being hardly better than chance: ',
      quantity(
        listed(guessing.map(({ name }) => name)),
        guessing.flatMap(({ samples }) => samples.map(({ trial }) => trial)),
        'hard trees of less than twice the accuracy of chance',
      ),
      '. Nothing follows from the accuracy of their classes; the gates are of the soft stage, which is another network.',
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

/** The first comparisons in words; of many the rest is in the table. */
function sweepFindings(family: readonly Comparison[]): readonly Prose[] {
  const rest = family.length - MOST_SENTENCES;
  return [
    ...family.slice(0, MOST_SENTENCES).map(sweepFinding),
    ...(rest > 0
      ? [
          [
            `${capitalised(counted(rest, 'more comparison'))} ${rest === 1 ? 'is' : 'are'} in the table of differences.`,
          ],
        ]
      : []),
  ];
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
  const needs = `a verdict needs ${counted(SEEDS_FOR_A_VERDICT, 'seed')}`;
  if (comparisons.length === 1) {
    return [[`This comparison rests on ${seeds}. It describes these runs; ${needs}.`]];
  }
  const whose =
    short.length === comparisons.length ? 'These comparisons rest' : 'Some of these rest';
  return [[`${whose} on ${seeds}. They describe these runs; ${needs}.`]];
}
