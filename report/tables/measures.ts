import { mean, standardDeviation } from '../../statistics/describe.ts';
import type { Evaluation } from '../../leg/records.ts';
import type { Sample } from './compare.ts';
import { missing, quantity, type Quantity } from '../page/content.ts';
import { fixed, meanSd } from '../format.ts';
import type { ReportTrial } from '../input.ts';

type Measured = {
  readonly decimals: number;
  readonly what: string;
  readonly tone?: Quantity['tone'];
};

/** Mean ± sample standard deviation over seeds, as one cell. */
export function sampleCell(
  samples: readonly Sample[],
  { decimals, what, tone }: Measured,
): Quantity {
  if (samples.length === 0) return missing(`${what}: nothing measured`);
  const values = samples.map(({ value }) => value);
  return quantity(
    meanSd(mean(values), standardDeviation(values), decimals),
    samples.map(({ trial }) => trial),
    samples.length > 1 ? `${what}: mean ± sd of ${samples.length} seeds` : what,
    tone,
  );
}

/** One value of one trial, as a cell. */
export function valueCell(
  trial: ReportTrial | undefined,
  value: number | undefined,
  { decimals, what, tone }: Measured,
): Quantity {
  return trial === undefined || value === undefined
    ? missing(`${what}: not measured`)
    : quantity(fixed(value, decimals), [trial], what, tone);
}

/** A metric of those trials that are complete: a diverged one has no last epoch to count. */
export function metricSamples(
  seeds: readonly { readonly seed: number; readonly trial: ReportTrial | undefined }[],
  metric: string,
): readonly Sample[] {
  return seeds.flatMap(({ seed, trial }) => {
    const value = trial?.state === 'complete' ? trial.result?.metrics[metric] : undefined;
    return trial === undefined || value === undefined ? [] : [{ seed, value, trial }];
  });
}

/** Share of a class's test images that are classified correctly, percent; undefined without images. */
export function classAccuracy({
  correct,
  images,
}: Evaluation['perClass'][number]): number | undefined {
  return images === 0 ? undefined : (100 * correct) / images;
}

/** Why a trial has no number, in a few words. */
export function absence(trial: ReportTrial): string {
  const at = trial.result?.diverged;
  if (trial.state === 'diverged') {
    return at === undefined ? 'diverged' : `diverged in epoch ${at.epoch}, step ${at.step}`;
  }
  if (trial.state === 'failed') {
    const { code, message } = trial.failure ?? { code: 'unknown', message: '' };
    return `failed (${code}${message === '' ? '' : `: ${message}`})`;
  }
  return trial.state === 'blocked' ? 'not run: what it needs is not there' : 'not run yet';
}
