import { Command, Option } from 'commander';

import { configureProcess } from '../learning/engine/environment.ts';
import { voice } from '../scripts/setup/progress.mjs';
import { MODEL_NAMES } from '../study/models/models.ts';
import { measureLeg } from './leg-memory.ts';
import { checkLeg, checkMemory, type MemoryResult, type Sample } from './memory-check.ts';
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
  readonly legImages: number;
};

/** Test images of CIFAR, and the batch of its published trainings. */
const LEG = { test: 10_000, batch: 64 };

/** `bench memory`: whether a long training holds on to memory, and how much a whole leg takes. */
export function memoryCommand(): Command {
  const model = 'resnet20';
  return new Command('memory')
    .description(
      'memory over many steps of the recorded engine, and of a leg; fails where it grows or is too much',
    )
    .addOption(
      new Option('--model <name>', 'as in `bench step`')
        .argParser((name) => parseSubject(name, MODEL_NAMES, '--model'))
        .default(parseSubject(model, MODEL_NAMES), model),
    )
    .option('--steps <n>', `steps after ${WARM_UP} of warm-up`, count('--steps'), 2000)
    .option('--batch <n>', 'images a step', count('--batch'), 16)
    .option('--threads <n>', 'threads of TensorFlow', count('--threads'), 2)
    .option('--leg-images <n>', 'CIFAR-shaped images of a leg', count('--leg-images'), 50_000)
    .action(benchMemory);
}

async function benchMemory(options: Options): Promise<void> {
  const { model, steps, batch, threads, legImages } = options;
  const say = voice('memory');
  say(`a leg of resnet8 on ${legImages} images of CIFAR's shape, in a process of its own`);
  const { peakRssBytes } = await measureLeg({ ...LEG, train: legImages, threads });
  const leg = { model: 'resnet8', images: legImages, peakRssBytes };
  const result = await watchSteps(options, say);
  const violations = [...result.violations, ...checkLeg(leg)];
  const report = { bench: 'memory', model: model.name, batch, steps, ...result, leg, violations };
  process.stdout.write(`${JSON.stringify(report)}\n`);
  if (violations.length === 0) return;
  process.stderr.write(`bench: memory is not as it should be: ${violations.join('; ')}.\n`);
  process.exitCode = VIOLATED;
}

/** Memory of this process over many steps. */
async function watchSteps(
  { model, steps, batch, threads }: Options,
  say: (message: string) => void,
): Promise<MemoryResult> {
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
  return checkMemory(samples);
}
