import { setImmediate } from 'node:timers/promises';

import type { Engine, Outputs } from '../engine/trainer.ts';
import { createProgram } from '../engine/trainer.ts';
import { tf } from '../engine/backend.ts';
import { batchMemory } from '../data/assembly.ts';
import type { Batch, BatchSource } from '../data/batch.ts';
import { batchOf, plainBatch } from '../data/batches.ts';
import { CHANNELS } from '../data/records.ts';
import { passOf, type Gated } from '../networks.ts';
import type { Predictions } from './scores.ts';

/** Images of one forward pass: all of its maps are in memory at once. */
const BATCH = 100;

/** Steps of one pass over so many images. */
export function predictSteps(images: number): number {
  return Math.ceil(images / BATCH);
}

/** Runs one network over images as often as asked; its step is compiled once. */
export type Predictor = {
  /** Logits of one batch, row by row. */
  logitsOf(batch: Batch, inverseGateTemperature?: number): Float32Array;
  /** Logits for some images of a set; signals are heard between batches. */
  predict(options: PredictOptions, source: BatchSource, images: Uint32Array): Promise<Predictions>;
  dispose(): void;
};

export type PredictOptions = {
  /** 1/t of soft gates. */
  readonly inverseGateTemperature?: number;
  /** Called after each batch, with its images; may throw to end the work. */
  readonly tick?: (images: number) => void;
};

/** What an evaluation step is fed. */
type EvaluationFeeds = {
  /** Normalised pixels [B, H, W, 3]. */
  readonly images: tf.Tensor4D;
  readonly inverseGateTemperature: tf.Scalar;
};

/** Batches are normalised one after another, in the same memory: a set as floats is four times its bytes. */
export function createPredictor(engine: Engine, gated: Gated): Predictor {
  const { classes, imageSize } = gated.network.options;
  const step = (feeds: EvaluationFeeds): Outputs => {
    const pass = passOf(gated, 'evaluate', feeds);
    const { logits } = gated.network.forward(feeds.images, pass);
    return { logits };
  };
  const program = createProgram(engine, step, 'The evaluation step');
  const logitsOf = (batch: Batch, inverseGateTemperature = 1): Float32Array => {
    const feeds = {
      images: tf.tensor4d(batch.images, [batch.count, imageSize, imageSize, CHANNELS]),
      inverseGateTemperature: tf.scalar(inverseGateTemperature),
    };
    const { logits } = program.run(feeds) as { logits: tf.Tensor2D };
    const values = logits.dataSync<'float32'>();
    tf.dispose([feeds, logits]);
    return values;
  };
  return {
    logitsOf,
    predict: ({ inverseGateTemperature = 1, tick }, source, images) =>
      predictBy((batch) => logitsOf(batch, inverseGateTemperature), classes, tick)(source, images),
    dispose: program.dispose,
  };
}

/** Logits for some images of a set by whatever gives those of a batch. @param tick as of a predictor */
export function predictBy(
  logitsOf: (batch: Batch) => Float32Array | Promise<Float32Array>,
  classes: number,
  tick?: (images: number) => void,
): (source: BatchSource, images: Uint32Array) => Promise<Predictions> {
  return async (source, images) => {
    const logits = new Float32Array(images.length * classes);
    const labels = new Uint8Array(images.length);
    const memory = batchMemory(Math.min(BATCH, images.length), source.set);
    for (let step = 0; step * BATCH < images.length; step += 1) {
      const batch = plainBatch(source, batchOf(images, step, BATCH), memory);
      logits.set(await logitsOf(batch), step * BATCH * classes);
      labels.set(batch.labels, step * BATCH);
      await setImmediate();
      tick?.(batch.count);
    }
    return { count: images.length, classes, logits, labels };
  };
}

/** Logits of a network that is asked only once. */
export async function predict(
  {
    engine,
    gated,
    ...options
  }: PredictOptions & {
    readonly engine: Engine;
    readonly gated: Gated;
  },
  source: BatchSource,
  images: Uint32Array,
): Promise<Predictions> {
  const predictor = createPredictor(engine, gated);
  try {
    return await predictor.predict(options, source, images);
  } finally {
    predictor.dispose();
  }
}
