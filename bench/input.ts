import { cpus, loadavg } from 'node:os';
import { Command } from 'commander';

import { configureProcess } from '../learning/engine/environment.ts';
import { voice } from '../scripts/setup/progress.mjs';
import { MODEL_NAMES, type ModelName } from '../study/models/models.ts';
import type { Loop, LoopTimes } from './loop.ts';
import { count, parseCount, parseNames } from './options.ts';
import { median, rounded } from './summary.ts';
import { fixed, formatTable } from './table.ts';

type Options = {
  readonly models: readonly ModelName[];
  readonly batches: readonly number[];
  readonly threads: number;
  readonly rounds: number;
  readonly steps: number;
};

/** One configuration; times in milliseconds a step, shares of the whole. */
type Row = {
  readonly model: ModelName;
  readonly batch: number;
  readonly threads: number;
  /** Whether batches are assembled ahead on a thread. */
  readonly ahead: boolean;
  readonly stepMs: number | null;
  readonly inputMs: number | null;
  readonly inputShare: number | null;
  /** Between two steps, beside the input: feeds, outputs, progress, the loop itself. */
  readonly otherMs: number | null;
  readonly otherShare: number | null;
};

/** `bench input`: what stands between two training steps. */
export function inputCommand(): Command {
  return new Command('input')
    .description('time that a training waits for its batches, with and without the thread')
    .option(
      '--models <names>',
      'resnet8 has the shortest step of all',
      (value) => parseNames('--models', value, MODEL_NAMES),
      ['resnet8', 'resnet20'],
    )
    .option(
      '--batches <numbers>',
      'images a step, separated by commas',
      (value) => value.split(',').map((part) => parseCount('--batches', part)),
      [64, 128],
    )
    .option('--threads <n>', "TensorFlow's threads", count('--threads'), 2)
    .option('--rounds <n>', 'interleaved rounds', count('--rounds'), 5)
    .option('--steps <n>', 'steps of a round', count('--steps'), 15)
    .action(benchInput);
}

async function benchInput(options: Options): Promise<void> {
  const { models, batches, threads, rounds, steps } = options;
  configureProcess({ threads });
  const { openLoop } = await import('./loop.ts');
  const say = voice('input');
  const rows: Row[] = [];
  for (const model of models) {
    for (const batch of batches) {
      say(`${model}, batch ${batch}, load ${load()}`);
      const loop = await openLoop({ model, batch, threads });
      const times = await interleave(loop, rounds, steps);
      loop.dispose();
      for (const ahead of [false, true]) {
        rows.push(rowOf({ model, batch, threads, ahead }, times.get(ahead) ?? []));
      }
    }
  }
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, load ${load()}`;
  const settings = `${threads} threads, ${rounds} rounds of ${steps} steps`;
  process.stdout.write(`\n${machine}; ${settings}\n\n${tableOf(rows)}\n\n`);
  process.stdout.write(`${JSON.stringify({ bench: 'input', rows })}\n`);
}

/** Both ways in turn, so that whatever else the machine does meets them alike. */
async function interleave(
  loop: Loop,
  rounds: number,
  steps: number,
): Promise<ReadonlyMap<boolean, readonly LoopTimes[]>> {
  const times = new Map<boolean, LoopTimes[]>([
    [false, []],
    [true, []],
  ]);
  for (let round = 0; round < rounds; round += 1) {
    for (const [ahead, measured] of times) measured.push(await loop.run(ahead, steps));
  }
  return times;
}

function rowOf(
  subject: Pick<Row, 'model' | 'batch' | 'threads' | 'ahead'>,
  times: readonly LoopTimes[],
): Row {
  const middle = (value: (time: LoopTimes) => number): number | null =>
    rounded(median(times.map(value)));
  const other = ({ total, input, compute }: LoopTimes): number => total - input - compute;
  return {
    ...subject,
    stepMs: middle(({ total }) => total),
    inputMs: middle(({ input }) => input),
    inputShare: middle(({ input, total }) => input / total),
    otherMs: middle(other),
    otherShare: middle((time) => other(time) / time.total),
  };
}

function tableOf(rows: readonly Row[]): string {
  const percent = (share: number | null): string => fixed(share === null ? null : share * 100, 2);
  return formatTable(
    ['model', 'batch', 'assembled', 'step ms', 'input ms', 'input %', 'other ms', 'other %'],
    rows.map((row) => [
      row.model,
      String(row.batch),
      row.ahead ? 'ahead' : 'on demand',
      fixed(row.stepMs, 1),
      fixed(row.inputMs, 3),
      percent(row.inputShare),
      fixed(row.otherMs, 3),
      percent(row.otherShare),
    ]),
  );
}

function load(): string {
  return loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');
}
