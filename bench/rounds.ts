import { KdxError } from '../leg/errors.ts';
import type { Subject } from './subjects.ts';
import { median } from './summary.ts';
import type { Facts } from './training.ts';
import { startWorker, type EngineName, type Worker } from './worker-process.ts';

export type Plan = {
  readonly engines: readonly EngineName[];
  readonly rounds: number;
  readonly batch: number;
  readonly threads: number;
  /** Of PyTorch's environment, where one of its engines is measured. */
  readonly python?: string;
};

/** What one subject took, by engine: the median of each round, in milliseconds a step. */
export type Measurement = {
  readonly subject: Subject;
  readonly facts: Partial<Facts>;
  readonly rounds: Partial<Record<EngineName, readonly number[]>>;
  /** FLOP/s of a matrix product, the better library's, measured in the same rounds. */
  readonly peak: number;
};

/** Steps before the first round: recording, two checked runs, and what the allocators need. */
const WARM_UP = 4;
/** What one engine's part of a round should take … */
const ROUND_MILLISECONDS = 1000;
/** … in at most so many steps. */
const MAXIMUM_STEPS = 7;

/** Steps of one round: few where a step is long; three at least let a median drop a cold first. */
export function stepsOf(milliseconds: number): number {
  if (milliseconds > ROUND_MILLISECONDS) return 1;
  const fitting = Math.ceil(ROUND_MILLISECONDS / milliseconds);
  return Math.min(MAXIMUM_STEPS, Math.max(3, fitting));
}

/** A worker with the number of its steps in a round, warmed up. */
type Runner = { readonly worker: Worker; readonly steps: number; readonly medians: number[] };

async function warm(worker: Worker): Promise<Runner> {
  const times = await worker.milliseconds(WARM_UP);
  return { worker, steps: stepsOf(times.at(-1) ?? 0), medians: [] };
}

async function startAll<Name extends string>(
  starts: readonly (readonly [Name, () => Promise<Worker | undefined>])[],
): Promise<Map<Name, Runner>> {
  const runners = new Map<Name, Runner>();
  // One after the other: what is warmed up beside another would be sized wrongly.
  for (const [name, start] of starts) {
    const worker = await start();
    if (worker !== undefined) runners.set(name, await warm(worker));
  }
  return runners;
}

/** Two libraries' matrix products: what the machine can do at best, however busy it is. */
function peakStarts({ batch, threads, python }: Plan): [EngineName, () => Promise<Worker>][] {
  const engines: EngineName[] = python === undefined ? ['eager'] : ['eager', 'torch'];
  return engines.map((engine) => [
    engine,
    async () => {
      const worker = await startWorker({ engine, model: 'sgemm', batch, threads }, python);
      if (worker === undefined) throw new KdxError('CodeBug', `${engine} multiplies no matrices.`);
      return worker;
    },
  ]);
}

/** Two networks of different size are no comparison. @throws KdxError CodeBug */
function checkSameNetwork(subject: Subject, runners: ReadonlyMap<EngineName, Runner>): void {
  const counts = [...runners].map(([name, { worker }]) => [name, worker.facts.parameters] as const);
  if (new Set(counts.map(([, count]) => count)).size <= 1) return;
  const list = counts.map(([name, count]) => `${name} ${count}`).join(', ');
  throw new KdxError('CodeBug', `${subject.name} differs in its parameters: ${list}.`);
}

/**
 * Measures one subject: every engine in its own process, one at a time, round after round, so that
 * whatever else the machine does meets all of them alike.
 */
export async function measure(
  subject: Subject,
  plan: Plan,
  say: (line: string) => void,
): Promise<Measurement> {
  const { engines, rounds, batch, threads, python } = plan;
  const { model, teacher, width } = subject;
  const job = {
    ...{ model, batch, threads },
    ...(teacher === undefined ? {} : { teacher }),
    ...(width === undefined ? {} : { width }),
  };
  const runners = await startAll(
    engines.map((engine) => [engine, () => startWorker({ ...job, engine }, python)] as const),
  );
  const products = await startAll(peakStarts(plan));
  try {
    checkSameNetwork(subject, runners);
    for (let round = 1; round <= rounds; round += 1) {
      for (const { worker, steps, medians } of [...runners.values(), ...products.values()]) {
        medians.push(median(await worker.milliseconds(steps)));
      }
      say(progressOf(round, runners));
    }
  } finally {
    for (const { worker } of [...runners.values(), ...products.values()]) worker.stop();
  }
  const entries = [...runners].map(([name, { medians }]) => [name, medians] as const);
  return {
    subject,
    facts: [...runners.values()].find(({ worker }) => worker.facts.flop)?.worker.facts ?? {},
    rounds: Object.fromEntries(entries),
    peak: peakOf(products),
  };
}

function progressOf(round: number, runners: ReadonlyMap<EngineName, Runner>): string {
  const parts = [...runners].map(
    ([name, { medians }]) => `${name} ${(medians.at(-1) ?? 0).toFixed(1)} ms`,
  );
  return `round ${round}: ${parts.join(', ')}`;
}

function peakOf(products: ReadonlyMap<EngineName, Runner>): number {
  const flop = products.get('eager')?.worker.facts.flop ?? Number.NaN;
  const rates = [...products.values()].map(({ medians }) => flop / (median(medians) / 1000));
  return Math.max(...rates);
}
