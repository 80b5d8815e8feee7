import type { EpochRecord } from '../../leg/records.ts';
import type { Result, RunRecord } from '../../leg/result.ts';
import { canonicalJson } from '../../study/canonical.ts';
import type { Labels, Metric } from './runs.ts';

/** When a trial ran, in milliseconds since 1970. */
export type Span = { readonly start: number; readonly end: number };

/** A resolved spec as parameters: one per scalar, named by its path; lists as canonical JSON. */
export function paramsOf(spec: unknown, path = ''): Labels {
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) {
    return { [path]: typeof spec === 'string' ? spec : canonicalJson(spec) };
  }
  const members = Object.entries(spec).filter(([, value]) => value !== undefined);
  return Object.assign(
    {},
    ...members.map(([name, value]) => paramsOf(value, path === '' ? name : `${path}.${name}`)),
  ) as Labels;
}

/** First start and last end over all processes; undefined where no process left a record. */
export function spanOf(runs: readonly RunRecord[]): Span | undefined {
  if (runs.length === 0) return undefined;
  const starts = runs.map(({ startedAt }) => Date.parse(startedAt));
  const ends = runs.map(({ startedAt, seconds }) => Date.parse(startedAt) + seconds * 1000);
  return { start: Math.min(...starts), end: Math.round(Math.max(...ends)) };
}

/**
 * All metrics of a trial: the curves as `epoch/<name>` by epoch, the scalars of its result under their
 * own names, and what it took as `cost/<name>`. Epoch logs hold no times, so points are spread evenly
 * over the span; the times depend on nothing else, and writing them again changes nothing.
 */
export function metricsOf(
  input: {
    readonly result: Result;
    readonly runs: readonly RunRecord[];
    readonly epochs: readonly EpochRecord[];
  },
  span: Span,
): readonly Metric[] {
  const { epochs, result } = input;
  const last = epochs.at(-1)?.epoch ?? 0;
  const at = (epoch: number) =>
    Math.round(span.start + (last === 0 ? 1 : epoch / last) * (span.end - span.start));
  const curves = epochs.flatMap((record) =>
    Object.entries(pointsOf(record)).map(([name, value]) => ({
      key: `epoch/${name}`,
      value,
      step: record.epoch,
      timestamp: at(record.epoch),
    })),
  );
  const scalars = Object.entries({ ...result.metrics, ...costsOf(input.runs) }).map(
    ([key, value]) => ({ key, value, step: last, timestamp: span.end }),
  );
  return [...curves, ...scalars];
}

function pointsOf(record: EpochRecord): Readonly<Record<string, number>> {
  const { epoch: _epoch, gates = [], terms, validation, test, vam, ...scalars } = record;
  return {
    ...scalars,
    ...prefixed('term', terms),
    ...prefixed('validation', validation ?? {}),
    ...prefixed('test', test),
    ...prefixed('vam', vam ?? {}),
    ...Object.fromEntries(
      gates.flatMap(({ level, ...entropy }) =>
        Object.entries(prefixed(`entropy.level${level}`, entropy)),
      ),
    ),
  };
}

function costsOf(runs: readonly RunRecord[]): Readonly<Record<string, number>> {
  if (runs.length === 0) return {};
  const { imagesPerSecond: rate, steadyImagesPerSecond: steady } = runs.at(-1) ?? {};
  const input = runs.flatMap(({ inputSeconds }) => inputSeconds ?? []);
  const device = runs.flatMap(({ peakDeviceBytes }) => peakDeviceBytes ?? []);
  return {
    'cost/processes': runs.length,
    'cost/seconds': runs.reduce((sum, { seconds }) => sum + seconds, 0),
    'cost/peakBytes': Math.max(...runs.map(({ peakBytes }) => peakBytes)),
    ...(rate === undefined ? {} : { 'cost/imagesPerSecond': rate }),
    ...(steady === undefined ? {} : { 'cost/steadyImagesPerSecond': steady }),
    ...(input.length === 0 ? {} : { 'cost/inputSeconds': input.reduce((a, b) => a + b) }),
    ...(device.length === 0 ? {} : { 'cost/peakDeviceBytes': Math.max(...device) }),
  };
}

function prefixed(prefix: string, values: Readonly<Record<string, number>>) {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [`${prefix}.${name}`, value]),
  );
}
