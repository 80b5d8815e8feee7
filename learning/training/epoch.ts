import { setImmediate } from 'node:timers/promises';

import type { EpochSums } from '../checkpoints.ts';
import type { Batch } from '../data/batch.ts';
import type { Input } from '../data/input.ts';
import { batchesPerEpoch } from '../data/plan.ts';
import { CHANNELS } from '../data/records.ts';
import { tf } from '../engine/backend.ts';
import { seedIn, stream } from '../engine/random.ts';
import type { Feeds, Outputs } from '../engine/trainer.ts';
import { GATE_TEMPERATURE_FEED } from '../networks.ts';
import { TEACHER_LOGITS_FEED } from './objective.ts';
import { scheduleAt, type StepSettings } from './schedules.ts';
import type { Session } from './session.ts';

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
  const { spec } = session;
  const steps = stepsPerEpoch(session);
  const draws = seedIn(spec.seeds.data, spec.streams);
  const taughtOf = await session.teacherLogits?.epoch(epoch);
  let { step, sums } = from;
  while (step < steps) {
    const batch = await input.take(epoch, step);
    const settings = scheduleAt(spec.train, { epoch, step, stepsPerEpoch: steps });
    const seed = stream(draws, `dropout/${epoch}/${step}`).words(2);
    const values = runStep(session, settings, batch, seed, taughtOf?.(batch.positions));
    sums = add(sums, values, session.terms, batch.count);
    step += 1;
    if (!Number.isFinite(sums.loss)) return { end: 'diverged', step, sums };
    // Signals and the closing of the parent's channel are received here.
    await setImmediate();
    if (await afterStep(step, sums)) return { end: 'stopped', step, sums };
  }
  return { end: 'finished', step, sums };
}

/** What the schedules say of one step, as fed scalars. */
function scheduleFeeds({ spec }: Session, settings: StepSettings): Feeds {
  return {
    learningRate: tf.scalar(settings.learningRate),
    gateLearningRate: tf.scalar(settings.gateLearningRate),
    [GATE_TEMPERATURE_FEED]: tf.scalar(settings.inverseGateTemperature),
    vamWeight: tf.scalar((spec.vam?.entropyWeight ?? 0) * settings.vamWarmUp),
  };
}

/** One step; gives its outputs on the host. */
function runStep(
  session: Session,
  settings: StepSettings,
  batch: Batch,
  seed: Uint32Array,
  taught: Float32Array | undefined,
): Record<string, number> {
  const { trainer, data } = session;
  const size = data.train.set.imageSize;
  const feeds = {
    ...scheduleFeeds(session, settings),
    images: tf.tensor(batch.images, [batch.count, size, size, CHANNELS]),
    labels: tf.tensor1d(batch.labels, 'int32'),
    dropoutSeed: tf.tensor1d(new Int32Array(seed), 'int32'),
    ...(taught === undefined
      ? {}
      : { [TEACHER_LOGITS_FEED]: tf.tensor2d(taught, [batch.count, taught.length / batch.count]) }),
  };
  const outputs: Outputs = trainer.step(feeds);
  const values = Object.entries(outputs).map(([name, tensor]) => {
    return [name, tensor.dataSync<'float32'>()[0] as number] as const;
  });
  tf.dispose([outputs, feeds]);
  return Object.fromEntries(values);
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
