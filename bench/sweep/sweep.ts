import { Command } from 'commander';

import { count } from '../options.ts';
import { parsePeers, type SweepOptions } from './options.ts';

/** `bench sweep`: what it costs to orchestrate thousands of trials. */
export function sweepCommand(): Command {
  return new Command('sweep')
    .description(
      'trials a second through real workflows, Temporal and object store, with simulated legs; slots idle; and others',
    )
    .option('--trials <n>', 'trials of a sweep whose legs take no time', count('--trials'), 10_000)
    .option('--parallel <n>', 'legs at once', count('--parallel'), 100)
    .option('--legs <n>', 'legs that take their time, for the idle slots', count('--legs'), 1000)
    .option('--leg-seconds <n>', 'mean duration of these', count('--leg-seconds'), 30)
    .option('--peer-trials <n>', 'trials of each other system', count('--peer-trials'), 200)
    .option('--peers <names>', 'others to measure: optuna, prefect, ray, metaflow', parsePeers, [])
    .action(async (options: SweepOptions) => {
      // Temporal's client takes seconds to load, and other benches need none.
      const { benchSweep } = await import('./run.ts');
      await benchSweep(options);
    });
}
