/** The loop of a training as a leg runs it, with a clock on each of its parts. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { LegContext } from '../learning/context.ts';
import type { Input } from '../learning/data/input.ts';
import { directInput, openInput } from '../learning/data/input.ts';
import { NO_SUMS } from '../learning/checkpoints.ts';
import { trainEpoch } from '../learning/training/epoch.ts';
import type { LegPorts } from '../leg/ports.ts';
import { createProgressMeter } from '../learning/progress.ts';
import { batchPlan, openSession, type Session } from '../learning/training/session.ts';
import type { ModelName } from '../study/models/models.ts';
import {
  DIGITS_FOLDER,
  DIGITS_MANIFEST,
  manifestBytes,
  manifestDigest,
} from '../study/dataset-manifest.ts';
import type { TrainSpec } from '../study/spec.ts';

const ROOT = join(import.meta.dirname, '..');
const TRAIN_IMAGES = 4000;
/** Steps before the clock starts: recording, checked runs, and the start of the thread. */
const WARM_UP = 15;

/** A training of the digits, whose images have CIFAR's size. */
export type LoopSubject = {
  readonly model: ModelName;
  readonly batch: number;
  readonly threads: number;
};

/** Milliseconds of one step and what they went to. */
export type LoopTimes = {
  /** From one step to the next. */
  readonly total: number;
  /** Waiting for a batch, or assembling it. */
  readonly input: number;
  /** TensorFlow: forward, gradients, update. */
  readonly compute: number;
};

function specOf({ model, batch, threads }: LoopSubject): TrainSpec {
  const split = { train: TRAIN_IMAGES, validation: 0, test: 1000 };
  const digest = manifestDigest(DIGITS_MANIFEST);
  const optimizer = {
    name: 'sgd',
    learningRate: 0.05,
    momentum: 0.9,
    nesterov: false,
    weightDecay: 5e-4,
  } as const;
  const augment = { pad: 4, flip: true };
  return {
    kind: 'train',
    device: { kind: 'cpu', threads, precision: 'float32' },
    engine: 'recorded',
    dataset: { name: 'digits', digest, preset: 'correct', split },
    code: 'bench',
    model: { name: model },
    distillers: [{ name: 'ce', weight: 1 }],
    train: {
      epochs: 1000,
      batch,
      optimizer,
      schedule: 'constant',
      scale: true,
      publishedEpochs: 240,
      milestones: [150, 180, 210],
      factor: 0.1,
      warmUpEpochs: 0,
      augment,
    },
    seeds: { init: 1, data: 1 },
  };
}

function unused(): never {
  throw new Error('the bench writes nothing');
}

/** Reads the digits; says and writes nothing. */
function context({ model, threads }: LoopSubject): LegContext {
  const files = new Map(DIGITS_MANIFEST.files.map(({ digest, name }) => [digest, name]));
  const ports: LegPorts = {
    readBlob: async (digest) => {
      const name = files.get(digest);
      if (name === undefined) return manifestBytes(DIGITS_MANIFEST);
      return readFile(join(ROOT, DIGITS_FOLDER, name));
    },
    listCheckpoints: () => Promise.resolve([]),
    progress: () => undefined,
    stopRequested: () => false,
    writeBlob: unused,
    readPart: unused,
    writePart: unused,
    commitCheckpoint: unused,
    commitResult: unused,
    recordRun: unused,
  };
  return {
    ...{ key: model, trial: model, process: 'bench', ports, checkpointSeconds: Infinity },
    deviceClass: { kind: 'cpu', model: 'bench', threads, tensorflow: 'bench' },
    now: () => performance.now() / 1000,
    warn: () => undefined,
  };
}

export type Loop = {
  /** Runs some steps and gives the mean of each time. @param ahead whether a thread assembles */
  run(ahead: boolean, steps: number): Promise<LoopTimes>;
  dispose(): void;
};

/** Opens a training whose loop can be run again and again. */
export async function openLoop(subject: LoopSubject): Promise<Loop> {
  const session = await openSession(specOf(subject), context(subject));
  const clock = { compute: 0 };
  const timed: Session = {
    ...session,
    trainer: {
      ...session.trainer,
      step: (feeds) => {
        const started = performance.now();
        const outputs = session.trainer.step(feeds);
        clock.compute += performance.now() - started;
        return outputs;
      },
    },
  };
  const run: Loop['run'] = async (ahead, steps) => {
    const plan = batchPlan(session);
    const input = ahead ? openInput(plan, { epoch: 1, step: 0 }) : directInput(plan);
    try {
      return await measure(timed, input, clock, context(subject), steps);
    } finally {
      await input.close();
    }
  };
  return { run, dispose: session.dispose };
}

async function measure(
  session: Session,
  input: Input,
  clock: { compute: number },
  context: LegContext,
  steps: number,
): Promise<LoopTimes> {
  const meter = createProgressMeter(context, { epochs: 1, steps, imagesPerEpoch: TRAIN_IMAGES });
  const read = (): LoopTimes => ({
    total: performance.now(),
    input: input.cost.seconds * 1000,
    compute: clock.compute,
  });
  let [from, to] = [read(), read()];
  await trainEpoch(session, input, 1, { step: 0, sums: NO_SUMS }, async (step, sums) => {
    meter.advance({ epoch: 1, step, loss: sums.loss, images: 1 });
    if (step === WARM_UP) from = read();
    to = read();
    return step === WARM_UP + steps;
  });
  const mean = (name: keyof LoopTimes): number => (to[name] - from[name]) / steps;
  return { total: mean('total'), input: mean('input'), compute: mean('compute') };
}
