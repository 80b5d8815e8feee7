import { KdxError } from '../leg/errors.ts';
import type { Place } from '../leg/spec.ts';
import { holm } from '../statistics/holm.ts';
import { slowdown } from '../statistics/regression.ts';
import type { ArtifactStore } from '../stores/artifacts.ts';
import { benchmarkName, benchmarkPrefix } from '../stores/names.ts';
import { listRuns } from '../stores/runs.ts';
import { benchmarkTrials, readBenchmark, type Benchmark } from '../study/benchmark.ts';
import { canonicalJson } from '../study/canonical.ts';
import { problemsText } from '../study/resolve.ts';
import type { BenchmarkActivities, Measured, PlannedBenchmark, Verdict } from './contract.ts';
import { crossing } from './failure.ts';
import type { CatalogPort } from './ports.ts';

export type BenchmarkPorts = {
  readonly artifacts: Pick<ArtifactStore, 'getJson' | 'list' | 'putLatest'>;
  readonly catalog: CatalogPort;
};

/** One measurement, as the store keeps it. */
type Entry = { readonly at: string; readonly imagesPerSecond: number };

/** Newest runs that are compared, and runs before them that they are compared with. */
const NEWEST = 3;
const EARLIER = { least: 5, most: 20 } as const;
const LEVEL = 0.01;
/** A smaller loss is not worth a call at night, however sure. */
const LEAST_LOSS = 0.03;
/** What flavours are called where the executor has no names for them. */
const HOST = 'host';

/** The activities of the benchmark: what is to be trained, and what came out. */
export function createBenchmarkActivities(ports: BenchmarkPorts): BenchmarkActivities {
  return {
    planBenchmark: (input, at) => crossing(() => plan(ports, input, at)),
    judgeBenchmark: (measured, at) => crossing(() => judge(ports, measured, at)),
  };
}

async function plan(
  { catalog }: BenchmarkPorts,
  input: unknown,
  at: string,
): Promise<PlannedBenchmark> {
  const benchmark = readBenchmark(input);
  if (!('models' in benchmark)) throw new KdxError('SpecInvalid', problemsText(benchmark));
  const place = placeOf(benchmark, catalog);
  const context = {
    datasetDigest: (await catalog.dataset('digits')).digest,
    code: await catalog.readCodeIndex(),
  };
  const flavours = place.flavours.length === 0 ? [HOST] : place.flavours;
  return flavours.map((flavour) => ({
    place: { ...place, flavours: place.flavours.length === 0 ? [] : [flavour] },
    trials: benchmarkTrials(benchmark, context, at, flavour),
  }));
}

/** @throws KdxError SpecInvalid where nothing here offers what is asked for */
function placeOf({ device, executor, flavours }: Benchmark, catalog: CatalogPort): Place {
  const places = catalog.places(device.kind);
  const found = places.find((place) => executor === 'auto' || place.executor === executor);
  if (found === undefined) {
    const offered = places.map((place) => place.executor).join(', ');
    const message = `$.executor: found "${executor}"; allowed on ${device.kind}: auto, ${offered}`;
    throw new KdxError('SpecInvalid', message);
  }
  const other = flavours?.find((flavour) => !found.flavours.includes(flavour));
  if (other !== undefined) {
    const allowed = found.flavours.length === 0 ? 'none' : found.flavours.join(', ');
    throw new KdxError('SpecInvalid', `$.flavours: found "${other}"; allowed: ${allowed}`);
  }
  return flavours === undefined ? found : { ...found, flavours };
}

async function judge(
  { artifacts }: BenchmarkPorts,
  measured: readonly Measured[],
  at: string,
): Promise<readonly Verdict[]> {
  const compared = await Promise.all(measured.map((one) => compare(artifacts, one, at)));
  const adjusted = holm(compared.map(({ p }) => p ?? Number.NaN));
  return compared.map((verdict, index) => {
    const p = adjusted[index] ?? Number.NaN;
    if (verdict.change === undefined || Number.isNaN(p)) return verdict;
    const isSlower = p < LEVEL && verdict.change < -LEAST_LOSS;
    return { ...verdict, p, verdict: isSlower ? 'slower' : 'steady' };
  });
}

/** Keeps a measurement and holds the newest ones against those before; `p` is not adjusted yet. */
async function compare(
  artifacts: BenchmarkPorts['artifacts'],
  { series, key }: Measured,
  at: string,
): Promise<Verdict> {
  const runs = await listRuns(artifacts, key);
  const run = runs.findLast(({ outcome }) => outcome === 'done');
  const rate = run?.steadyImagesPerSecond;
  // What was interrupted, or lasted for a few steps only, says nothing of the pace.
  if (run === undefined || rate === undefined || run.resumedFrom !== undefined) {
    return { series, verdict: 'unmeasured' };
  }
  const { deviceClass, host, code } = run;
  const entry = { at, imagesPerSecond: rate, deviceClass, host, code, key };
  await artifacts.putLatest(benchmarkName(series, at), Buffer.from(canonicalJson(entry)));
  const rates = await readRates(artifacts, series);
  const newest = rates.slice(-NEWEST);
  const earlier = rates.slice(0, -NEWEST).slice(-EARLIER.most);
  const known = { series, imagesPerSecond: rate, runs: rates.length };
  if (earlier.length < EARLIER.least) return { ...known, verdict: 'new' };
  return { ...known, ...slowdown(earlier, newest), verdict: 'steady' };
}

/** Oldest first. */
async function readRates(
  artifacts: BenchmarkPorts['artifacts'],
  series: string,
): Promise<readonly number[]> {
  const names = [...(await artifacts.list(benchmarkPrefix(series)))].sort();
  const entries = await Promise.all(
    names.slice(-(NEWEST + EARLIER.most)).map((name) => artifacts.getJson(name)),
  );
  return entries.flatMap((entry) => (entry === undefined ? [] : (entry as Entry).imagesPerSecond));
}
