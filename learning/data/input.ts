import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';

import { KdxError } from '../../leg/errors.ts';
import type { AssemblerData } from './assembler.ts';
import { batchMemory, type BatchMemory } from './assembly.ts';
import type { Batch } from './batch.ts';
import { batchesPerEpoch, batchNumber, createAssembler, imagesOf, type BatchPlan } from './plan.ts';
import { arrived, batchOfRing, createRing, goOnTo, slotOf, wakeReader } from './ring.ts';

/** The batches of a training, one step after another. */
export type Input = {
  /**
   * The batch of a step; it stands until the next call. Steps are taken in order.
   *
   * @param epoch from 1
   * @param step from 0
   * @throws KdxError CodeBug with the thread's own error as its cause
   */
  take(epoch: number, step: number): Promise<Batch>;
  /** What `take` has cost so far. */
  readonly cost: InputCost;
  /** Ends the thread; resolves when it is gone. */
  close(): Promise<void>;
};

export type InputCost = {
  /** Seconds that the training did not train, because it waited for a batch or assembled one. */
  readonly seconds: number;
  /** Batches that the thread assembled, and those that the training assembled itself. */
  readonly ahead: number;
  readonly here: number;
};

type Start = { readonly epoch: number; readonly step: number };

/**
 * Assembles every batch when it is asked for.
 *
 * @returns the same batches as `openInput`, from any start
 */
export function directInput(plan: BatchPlan): Input {
  const assemble = createAssembler(plan);
  const memory: BatchMemory = batchMemory(plan.batch, plan.source.set, plan);
  const meter = createMeter();
  return {
    take: async (epoch, step) =>
      meter.during(async () => {
        meter.count('here');
        return assemble(batchNumber(plan, epoch, step), memory);
      }),
    cost: meter.cost,
    close: () => Promise.resolve(),
  };
}

/** A thread takes as long to start as this many batches take to assemble: 0.1 s. */
const WORTH_A_THREAD = 200;

/**
 * Assembles batches ahead on another thread, while the training is within a step. What the thread has
 * not begun when it is wanted is assembled here, so that its start is never waited for. Few batches
 * are assembled on demand.
 *
 * @param start the first step that will be taken: epoch from 1, step from 0
 */
export function openInput(plan: BatchPlan, start: Start): Input {
  const { set } = plan.source;
  const first = batchNumber(plan, start.epoch, start.step);
  if (plan.epochs * batchesPerEpoch(plan) - first < WORTH_A_THREAD) return directInput(plan);
  const ring = createRing(plan.batch, set, first, plan);
  const assemble = createAssembler(plan);
  const thread = startThread({ plan, ring }, () => wakeReader(ring));
  const meter = createMeter();
  return {
    take: (epoch, step) => {
      const number = batchNumber(plan, epoch, step);
      return meter.during(async () => {
        thread.check();
        if (goOnTo(ring, number)) {
          meter.count('here');
          return assemble(number, slotOf(ring, number));
        }
        await arrived(ring, number, thread.check);
        meter.count('ahead');
        return batchOfRing(ring, number, imagesOf(plan, number), set);
      });
    },
    cost: meter.cost,
    close: thread.close,
  };
}

type Thread = {
  /** @throws KdxError CodeBug where the thread has failed */
  check(): void;
  close(): Promise<void>;
};

/** @param onFailure called after the thread has failed, for those who wait for it */
function startThread(data: AssemblerData, onFailure: () => void): Thread {
  // Compiled, this file and the thread's end in .js. The form below is what the code index follows.
  const { href } = new URL('./assembler.ts', import.meta.url);
  const program = new URL(href.replace(/\.ts$/, extname(import.meta.url)));
  const thread = new Worker(program, { workerData: data, name: 'input' });
  let failure: KdxError | undefined;
  let closing = false;
  const fail = (cause: unknown): void => {
    failure ??= new KdxError('CodeBug', 'The thread that assembles batches has failed', { cause });
    onFailure();
  };
  thread.once('error', fail);
  thread.once('exit', (code) => {
    if (code !== 0 && !closing) fail(new Error(`it ended with exit code ${code}`));
  });
  return {
    check: () => {
      if (failure !== undefined) throw failure;
    },
    close: async () => {
      closing = true;
      await thread.terminate();
    },
  };
}

type Meter = {
  readonly cost: InputCost;
  during<Value>(work: () => Promise<Value>): Promise<Value>;
  count(what: 'ahead' | 'here'): void;
};

function createMeter(): Meter {
  const cost = { seconds: 0, ahead: 0, here: 0 };
  return {
    cost,
    during: async (work) => {
      const started = performance.now();
      try {
        return await work();
      } finally {
        cost.seconds += (performance.now() - started) / 1000;
      }
    },
    count: (what) => {
      cost[what] += 1;
    },
  };
}
