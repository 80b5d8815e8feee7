import { Command, Option } from 'commander';

import { configureProcess } from '../learning/engine/environment.ts';
import { voice } from '../scripts/setup/progress.mjs';
import { MODEL_NAMES } from '../study/models/models.ts';
import { checkMemory, type Sample } from './memory-check.ts';
import { count } from './options.ts';
import { parseSubject, type Subject } from './subjects.ts';

/** Steps before the first sample: recording, and what the allocators keep. */
const WARM_UP = 200;
const SAMPLES = 20;
/** Exit code where memory grows. */
const VIOLATED = 1;
const MEBIBYTE = 2 ** 20;

type Options = {
  readonly model: Subject;
  readonly steps: number;
  readonly batch: number;
  readonly threads: number;
};

/** `bench memory`: whether a long training holds on to memory. */
export function memoryCommand(): Command {
  const model = 'resnet20';
  return new Command('memory')
    .description('tensors and RSS over many steps of the recorded engine; fails where they grow')
    .addOption(
      new Option('--model <name>', 'as in `bench step`')
        .argParser((name) => parseSubject(name, MODEL_NAMES, '--model'))
        .default(parseSubject(model, MODEL_NAMES), model),
    )
    .option('--steps <n>', `steps after ${WARM_UP} of warm-up`, count('--steps'), 2000)
    .option('--batch <n>', 'images a step', count('--batch'), 16)
    .option('--threads <n>', 'threads of TensorFlow', count('--threads'), 2)
    .action(benchMemory);
}

async function benchMemory({ model, steps, batch, threads }: Options): Promise<void> {
  const say = voice('memory');
  configureProcess({ threads });
  const { createTraining, tensorCount } = await import('./training.ts');
  const training = createTraining(model, 'recorded', batch);
  const run = (count: number): void => {
    for (let step = 0; step < count; step += 1) training.stepOnNewFeeds();
  };
  const samples: Sample[] = [];
  const sample = (done: number): void => {
    const taken = { tensors: tensorCount(), rssBytes: process.memoryUsage.rss() };
    samples.push(taken);
    const rss = `${(taken.rssBytes / MEBIBYTE).toFixed(0)} MiB`;
    say(`${done} of ${steps} steps: ${taken.tensors} tensors, RSS ${rss}`);
  };
  run(WARM_UP);
  sample(0);
  for (let part = 1; part <= SAMPLES; part += 1) {
    const done = Math.round((steps * part) / SAMPLES);
    run(done - Math.round((steps * (part - 1)) / SAMPLES));
    sample(done);
  }
  const result = checkMemory(samples);
  process.stdout.write(
    `${JSON.stringify({ bench: 'memory', model: model.name, batch, steps, ...result })}\n`,
  );
  if (result.violations.length === 0) return;
  process.stderr.write(`bench: memory is not constant: ${result.violations.join('; ')}.\n`);
  process.exitCode = VIOLATED;
}
