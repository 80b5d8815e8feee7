import { mean } from '../statistics/describe.ts';
import { armSamples, intrinsicEntropy } from './arms.ts';
import { differenceOf, SEEDS_FOR_A_VERDICT, verdict, type Comparison } from './compare.ts';
import { quantity, type Prose } from './content.ts';
import { capitalised, counted, fixed, interval, listed } from './format.ts';
import { ARM_LABELS, type Trials } from './trials.ts';

/** Below this a difference of mean normalised entropy is not worth a verb. */
const SAME_ENTROPY = 0.005;

export type Findings = {
  /** One sentence, computed: the title of the page. */
  readonly headline: string;
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
  const items = [
    ...entropies.map(entropyFinding),
    ...armAccuracy(trials),
    ...sweep.map(sweepFinding),
    ...lostFinding(trials),
  ];
  return { headline: headlineOf(evidence), items };
}

function headlineOf({ trials, entropies, sweep }: Evidence): string {
  const first = entropies[0];
  if (first !== undefined) return `${capitalised(entropyVerb(first))}${caution(first)}`;
  const change = sweep[0];
  if (change !== undefined) {
    const { mean: points } = change.test;
    const moved = points >= 0 ? 'above' : 'below';
    return `${change.label.split(' − ')[0]} ended ${fixed(Math.abs(points), 2)} points ${moved} its baseline${caution(change)}`;
  }
  const done = trials.all.filter(({ state }) => state === 'complete').length;
  return done === 0
    ? 'Nothing has been measured yet'
    : 'Trained and measured; there is nothing to compare yet';
}

/** What distillation did to the gates, against the first other arm. */
function entropyVerb({ test }: Comparison): string {
  if (Math.abs(test.mean) < SAME_ENTROPY) return 'distillation left the gates as they were';
  return test.mean < 0 ? 'distillation sharpened the gates' : 'distillation softened the gates';
}

function caution(comparison: Comparison): string {
  const { n } = comparison.test;
  if (n < SEEDS_FOR_A_VERDICT) {
    return ` — in ${counted(n, 'seed')}, too few for a verdict`;
  }
  return comparison.adjustedP < 0.05 ? '' : ' — within what chance does';
}

function entropyFinding(comparison: Comparison): Prose {
  const { test, label } = comparison;
  return [
    `Gate entropy at τ = 0.5, ${lowerFirst(label)}: `,
    differenceOf(comparison, 3, 'mean gate entropy at τ = 0.5'),
    test.n < 2 ? '' : ` (95 % interval ${interval(test.interval.low, test.interval.high, 3)})`,
    `: ${entropyReading(comparison)}; ${verdict(comparison, 3)}.`,
  ];
}

function entropyReading({ test }: Comparison): string {
  if (Math.abs(test.mean) < SAME_ENTROPY) return 'the gates are as sharp as the other arm’s';
  return test.mean < 0
    ? 'sharper gates, as the paper claims'
    : 'softer gates, against what the paper claims';
}

function armAccuracy({ arms }: Trials): readonly Prose[] {
  const measured = arms.flatMap((arm) => {
    const samples = armSamples(arm, ({ hard }) => hard.top1);
    if (samples.length === 0) return [];
    const value = mean(samples.map((sample) => sample.value));
    const from = samples.map(({ trial }) => trial);
    return [{ name: ARM_LABELS[arm.name].toLowerCase(), value, from }];
  });
  if (measured.length === 0) return [];
  return [
    [
      'The hard trees classify ',
      ...measured.flatMap(({ name, value, from }, i) => [
        separator(i, measured.length),
        quantity(`${fixed(value, 2)} %`, from, 'test accuracy of the hard tree, mean over seeds'),
        ` (${name})`,
      ]),
      ' of the test images rightly.',
    ],
  ];
}

function separator(index: number, count: number): string {
  if (index === 0) return '';
  return index === count - 1 ? ' and ' : ', ';
}

function sweepFinding(comparison: Comparison): Prose {
  const { test, label } = comparison;
  return [
    `${label}: `,
    differenceOf(comparison, 2, 'test accuracy, last epoch'),
    ' points',
    test.n < 2 ? '' : ` (95 % interval ${interval(test.interval.low, test.interval.high, 2)})`,
    `; ${verdict(comparison, 2)}.`,
  ];
}

function lostFinding({ all }: Trials): readonly Prose[] {
  const counts = (['diverged', 'failed', 'blocked', 'open'] as const).flatMap((state) => {
    const trials = all.filter((trial) => trial.state === state);
    const said = state === 'open' ? 'not run yet' : state;
    return trials.length === 0 ? [] : [{ trials, text: `${trials.length} ${said}` }];
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
      '. They are counted in every n below, not left out.',
    ],
  ];
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
