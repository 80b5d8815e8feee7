import { Command, Option } from 'commander';

import { KdxError } from '../leg/errors.ts';
import { voice } from '../scripts/setup/progress.mjs';
import { MODEL_NAMES } from '../study/models/models.ts';
import { count } from './options.ts';
import { PARTS, sharesOf, type Part } from './kernel-log.ts';
import { DISTILLATION, parseSubjects, type Subject } from './subjects.ts';
import { median, rounded } from './summary.ts';
import { fixed, formatTable } from './table.ts';
import { startWorker } from './worker-process.ts';

const WARM_UP = 4;
const MAIN_MODELS = `resnet20,wrn_16_2,hme_ltb,${DISTILLATION}`;

type Options = {
  readonly models: readonly Subject[];
  readonly steps: number;
  readonly batch: number;
  readonly threads: number;
};

type Profile = {
  readonly model: string;
  readonly stepMs: number | null;
  readonly shares: Record<Part, number | null>;
};

/** `bench profile`: where the time of a recorded step goes. */
export function profileCommand(): Command {
  return new Command('profile')
    .description('shares of a recorded step')
    .addOption(
      new Option('--models <names>', 'as in `bench step`')
        .argParser((value) => parseSubjects(value, MODEL_NAMES))
        .default(parseSubjects(MAIN_MODELS, MODEL_NAMES), MAIN_MODELS),
    )
    .option('--steps <n>', 'steps of each', count('--steps'), 10)
    .option('--batch <n>', 'images a step', count('--batch'), 64)
    .option('--threads <n>', 'threads of an operation', count('--threads'), 2)
    .action(benchProfile);
}

async function benchProfile({ models, ...options }: Options): Promise<void> {
  const say = voice('profile');
  const rows: Profile[] = [];
  for (const subject of models) {
    say(subject.name);
    rows.push(await profile(subject, options));
  }
  const header = ['model', 'step ms', ...PARTS.map((part) => `${part} %`)];
  const cells = rows.map(({ model, stepMs, shares }) => [
    model,
    fixed(stepMs, 1),
    ...PARTS.map((part) => fixed((shares[part] ?? NaN) * 100, 1)),
  ]);
  process.stdout.write(`\n${formatTable(header, cells)}\n\n`);
  process.stdout.write(`${JSON.stringify({ bench: 'profile', rows })}\n`);
}

async function profile(
  { name, model, teacher, width }: Subject,
  { steps, batch, threads }: Omit<Options, 'models'>,
): Promise<Profile> {
  const worker = await startWorker({
    ...{ engine: 'recorded', model, batch, threads, profiled: true },
    ...(teacher === undefined ? {} : { teacher }),
    ...(width === undefined ? {} : { width }),
  });
  if (worker === undefined) throw new KdxError('CodeBug', `${name} has no recorded step.`);
  try {
    await worker.milliseconds(WARM_UP);
    worker.takeLog();
    const times = await worker.milliseconds(steps);
    const total = times.reduce((sum, time) => sum + time, 0);
    const shares = Object.entries(sharesOf(worker.takeLog(), total)) as [Part, number][];
    return {
      model: name,
      stepMs: rounded(median(times)),
      shares: Object.fromEntries(
        shares.map(([part, share]) => [part, rounded(share, 3)]),
      ) as Profile['shares'],
    };
  } finally {
    worker.stop();
  }
}
