import { cpus, loadavg } from 'node:os';
import { Command, Option } from 'commander';

import { voice } from '../scripts/setup/progress.mjs';
import { provideTorch } from '../scripts/setup/torch.mjs';
import { MODEL_NAMES } from '../study/models/models.ts';
import { count, parseNames } from './options.ts';
import type { Measurement, Plan } from './rounds.ts';
import { measure } from './rounds.ts';
import { rowOf, stepTable } from './step-rows.ts';
import { allSubjects, parseSubjects, type Subject } from './subjects.ts';
import { ENGINES, type EngineName } from './worker-process.ts';

const MODELS: readonly string[] = MODEL_NAMES;

type Options = {
  readonly models: readonly Subject[];
  readonly engines: readonly EngineName[];
  readonly rounds: number;
  readonly batch: number;
  readonly threads: number;
};

/** `bench step`: what a training step takes, beside PyTorch. */
export function stepCommand(): Command {
  return new Command('step')
    .description('time of a training step: recorded, eager, and PyTorch in two memory layouts')
    .addOption(modelsOption())
    .option(
      '--engines <names>',
      `some of ${ENGINES.join(', ')}`,
      (value) => parseNames('--engines', value, ENGINES),
      [...ENGINES],
    )
    .option('--rounds <n>', 'interleaved rounds', count('--rounds'), 7)
    .option('--batch <n>', 'images a step', count('--batch'), 64)
    .option('--threads <n>', 'threads of each library', count('--threads'), 2)
    .action(benchStep);
}

function modelsOption(): Option {
  return new Option(
    '--models <names>',
    'separated by commas; hme_ltb:<width>; kd_<teacher>_<student>',
  )
    .argParser((value) => parseSubjects(value, MODELS))
    .default(allSubjects(MODELS), 'all, and a distillation');
}

async function benchStep(options: Options): Promise<void> {
  const { models, engines, rounds, batch, threads } = options;
  const say = voice('step');
  const usesTorch = engines.some((engine) => engine.startsWith('torch'));
  const python = usesTorch ? await provideTorch(voice('torch')) : undefined;
  const plan: Plan = {
    ...{ engines, rounds, batch, threads },
    ...(python === undefined ? {} : { python }),
  };
  const measurements: Measurement[] = [];
  for (const subject of models) {
    say(`${subject.name}, load ${load()}`);
    const measurement = await measure(subject, plan, (line) => say(`  ${line}`));
    say(JSON.stringify(rowOf(measurement, batch)));
    measurements.push(measurement);
  }
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown CPU'}, load ${load()}`;
  const settings = `batch ${batch}, ${threads} threads, ${rounds} rounds`;
  process.stdout.write(`\n${machine}; ${settings}\n\n${stepTable(measurements)}\n\n`);
  const rows = measurements.map((measurement) => rowOf(measurement, batch));
  process.stdout.write(`${JSON.stringify({ bench: 'step', rows })}\n`);
}

function load(): string {
  return loadavg()
    .map((value) => value.toFixed(1))
    .join(' ');
}
