import { setImmediate } from 'node:timers/promises';

import type { EpochSums } from '../checkpoints.ts';
import type { Input } from '../data/input.ts';
import { batchesPerEpoch } from '../data/plan.ts';
import type { Session } from './session.ts';
import { runStep, stepFeeds } from './step.ts';

/** Why an epoch ended: all of its steps done, a stop was asked for, or the loss is no number. */
export type EpochEnd = 'finished' | 'stopped' | 'diverged';

/** What the loop does after every step; true ends the epoch there. */
export type AfterStep = (step: number, sums: EpochSums) => Promise<boolean>;

export function stepsPerEpoch({ spec, data }: Pick<Session, 'spec' | 'data'>): number {
  return batchesPerEpoch({ images: data.split.train, batch: spec.train.batch });
}

/**
 * Trains one epoch from step `from` on. Every draw depends on seed, epoch and step alone, so that an
 * epoch entered in its middle goes on as if it had never been left.
 *
 * @param epoch from 1
 */
export async function trainEpoch(
  session: Session,
  input: Input,
  epoch: number,
  from: { readonly step: number; readonly sums: EpochSums },
  afterStep: AfterStep,
): Promise<{ readonly end: EpochEnd; readonly step: number; readonly sums: EpochSums }> {
  const steps = stepsPerEpoch(session);
  const taughtOf = await session.teacherLogits?.epoch(epoch);
  let { step, sums } = from;
  while (step < steps) {
    const batch = await input.take(epoch, step);
    const at = { epoch, step, stepsPerEpoch: steps };
    const teacherLogits = taughtOf?.(batch.positions);
    const feeds = stepFeeds(session, { batch, at, teacherLogits, rowOf: session.rowOf });
    const { trainer } = session.early?.holds(at) === true ? session.early : session;
    const values = runStep(trainer, feeds);
    sums = add(sums, values, session.objective.terms, batch.count);
    step += 1;
    if (!Number.isFinite(sums.loss)) return { end: 'diverged', step, sums };
    // Signals and the closing of the parent's channel are received here.
    await setImmediate();
    if (await afterStep(step, sums)) return { end: 'stopped', step, sums };
  }
  return { end: 'finished', step, sums };
}

/** Adds a batch's means, weighed by its images. */
function add(
  sums: EpochSums,
  values: Readonly<Record<string, number>>,
  terms: readonly string[],
  images: number,
): EpochSums {
  const weighed = (name: string): number => (values[name] as number) * images;
  return {
    images: sums.images + images,
    loss: sums.loss + weighed('total'),
    terms: Object.fromEntries(
      terms.map((name) => [name, (sums.terms[name] ?? 0) + weighed(name)] as const),
    ),
    correct: sums.correct + (values['correct'] as number),
  };
}
