import { cpus, loadavg } from 'node:os';
import { Command } from 'commander';

import { voice } from '../scripts/setup/progress.mjs';
import { mean, standardDeviation } from '../statistics/describe.ts';
import { count } from './options.ts';
import { rounded } from './summary.ts';
import { fixed, formatTable } from './table.ts';
import type { LegTime } from './runner.ts';
import { openTeaching, type Teaching, type TeachingPlan } from './teaching.ts';

type Options = {
  readonly students: number;
  readonly images: number;
  readonly test: number;
  readonly epochs: number;
  readonly teacherEpochs: number;
  readonly batch: number;
  readonly threads: number;
};

/** One student, trained with the teacher running and from its cached logits. */
type Pair = { readonly init: number; readonly uncached: LegTime; readonly cached: LegTime };

/** `bench teach-once`: a sweep of distilled students with and without cached logits. */
export function teachOnceCommand(): Command {
  return new Command('teach-once')
    .description('training time of distilled students, resnet56 → resnet20, with cached logits')
    .option('--students <n>', 'students of one data stream', count('--students'), 6)
    .option('--images <n>', 'digits to train on', count('--images'), 1200)
    .option('--test <n>', 'digits to test on', count('--test'), 500)
    .option('--epochs <n>', 'epochs of a student', count('--epochs'), 3)
    .option('--teacher-epochs <n>', 'epochs of the teacher', count('--teacher-epochs'), 4)
    .option('--batch <n>', 'images a step', count('--batch'), 64)
    .option('--threads <n>', 'threads of TensorFlow', count('--threads'), 2)
    .action(benchTeachOnce);
}

async function benchTeachOnce({ students, test: testImages, ...rest }: Options): Promise<void> {
  const plan: TeachingPlan = { ...rest, testImages };
  const say = voice('teach');
  const teaching = await openTeaching(plan);
  try {
    say(`the teacher, which is not measured, load ${load()}`);
    const teacher = await teaching.teacher();
    const taught = await teaching.teach(teacher);
    const logits = taught.result.files['logits']?.digest ?? '';
    const pairs: Pair[] = [];
    for (let init = 1; init <= students; init += 1) {
      say(`student ${init} of ${students}, load ${load()}`);
      const uncached = () => teaching.student(teacher, init);
      const cached = () => teaching.student({ ...teacher, logits }, init);
      // Whichever comes first, it is the other one for the next student: drifts meet both alike.
      pairs.push(await pairOf(init, uncached, cached));
    }
    report(plan, taught, pairs, await teaching.index(logits));
  } finally {
    await teaching.close();
  }
}

async function pairOf(
  init: number,
  uncached: () => Promise<LegTime>,
  cached: () => Promise<LegTime>,
): Promise<Pair> {
  if (init % 2 === 1) return { init, uncached: await uncached(), cached: await cached() };
  const first = await cached();
  return { init, uncached: await uncached(), cached: first };
}

type Index = Awaited<ReturnType<Teaching['index']>>;

function report(plan: TeachingPlan, taught: LegTime, pairs: readonly Pair[], index: Index): void {
  const rows = pairs.map(({ init, uncached, cached }) => ({
    init,
    uncachedSeconds: rounded(uncached.seconds),
    cachedSeconds: rounded(cached.seconds),
    uncachedTop1: uncached.result.metrics['top1'] ?? null,
    cachedTop1: cached.result.metrics['top1'] ?? null,
  }));
  const seconds = (of: 'cached' | 'uncached'): number =>
    pairs.reduce((sum, pair) => sum + pair[of].seconds, 0);
  const top1 = (of: 'cached' | 'uncached'): number[] =>
    pairs.map((pair) => pair[of].result.metrics['top1'] ?? Number.NaN);
  const summary = {
    bench: 'teach-once',
    rows,
    teachSeconds: rounded(taught.seconds),
    ratio: rounded((taught.seconds + seconds('cached')) / seconds('uncached')),
    accuracyCached: rounded(mean(top1('cached'))),
    accuracyUncached: rounded(mean(top1('uncached'))),
    accuracyDeviation: rounded(standardDeviation(top1('uncached'))),
    cacheDigests: [taught.result.files['logits'], ...index.epochs].map((blob) => blob?.digest),
    cacheBytes: taught.result.metrics['logits.bytes'],
    plan,
  };
  const table = formatTable(
    ['student', 'teacher runs, s', 'cached logits, s', 'top-1 %', 'top-1 % cached'],
    rows.map((row) => [
      String(row.init),
      fixed(row.uncachedSeconds, 2),
      fixed(row.cachedSeconds, 2),
      fixed(row.uncachedTop1, 1),
      fixed(row.cachedTop1, 1),
    ]),
  );
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, load ${load()}`;
  const teach = `the teach leg ${taught.seconds.toFixed(2)} s`;
  process.stdout.write(`\n${machine}; ${teach}\n\n${table}\n\n${JSON.stringify(summary)}\n`);
}

function load(): string {
  return loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');
}
