import type { StudyInput } from '../../study/schema.ts';

/** Initial and data seeds of one student by one method. */
const SEEDS = 500;

/**
 * A sweep of students by cross-entropy of so many trials at least: half of them trainings, half their
 * evaluations. Nothing is found by another trial: every key is its own.
 *
 * @param salt makes the keys of one sweep differ from those of another
 */
export function sweepOf(name: string, trials: number, parallel: number, salt: number): StudyInput {
  const trainings = Math.ceil(trials / 2);
  const methods = Math.ceil(trainings / SEEDS);
  const seeds = Array.from({ length: Math.ceil(trainings / methods) }, (_, i) => i);
  return {
    name,
    dataset: { name: 'digits' },
    seeds: { init: seeds, data: seeds },
    sweep: {
      students: [{ name: 'resnet8' }],
      methods: Array.from({ length: methods }, (_, i) => ({
        id: `CE${i}`,
        distillers: [{ name: 'ce' as const, weight: 1 + i + salt / 1000 }],
      })),
      train: { epochs: 1, optimizer: { name: 'sgd' } },
    },
    limits: { parallel },
  };
}
