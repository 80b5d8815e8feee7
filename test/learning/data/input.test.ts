import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import baseTest, { type ExecutionContext } from 'ava';

import { KdxError } from '../../../leg/errors.ts';
import { batchMemory } from '../../../learning/data/assembly.ts';
import { augmentedBatch, batchOf, epochOrder } from '../../../learning/data/batches.ts';
import type { Batch } from '../../../learning/data/batch.ts';
import { directInput, openInput, type Input } from '../../../learning/data/input.ts';
import { batchesPerEpoch, type BatchPlan } from '../../../learning/data/plan.ts';
import { copyOf, smallPlan } from './images.ts';

// One after another: they count the threads of this process.
const test = baseTest.serial;

type Position = { readonly epoch: number; readonly step: number };

const BEGINNING: Position = { epoch: 1, step: 0 };
const SHORT_STEP_MILLISECONDS = 20;

/** All steps of a plan from one on. */
function stepsFrom(plan: BatchPlan, { epoch, step }: Position): Position[] {
  const perEpoch = batchesPerEpoch(plan);
  const first = (epoch - 1) * perEpoch + step;
  return Array.from({ length: plan.epochs * perEpoch - first }, (_, index) => {
    const number = first + index;
    return { epoch: Math.floor(number / perEpoch) + 1, step: number % perEpoch };
  });
}

/** The batch of a step by its definition. */
function defined(plan: BatchPlan, { epoch, step }: Position): Batch {
  const order = epochOrder(plan.images, plan.seed, epoch);
  const images = batchOf(order, step, plan.batch);
  const memory = batchMemory(images.length, plan.source.set, plan);
  return augmentedBatch(plan.source, images, { ...plan.augment, seed: plan.seed, epoch }, memory);
}

/** Takes steps as fast as they come. */
async function takeAll(input: Input, steps: readonly Position[]): Promise<Batch[]> {
  const batches: Batch[] = [];
  try {
    for (const { epoch, step } of steps) batches.push(copyOf(await input.take(epoch, step)));
  } finally {
    await input.close();
  }
  return batches;
}

/** Takes steps that last, each held against its definition, until the thread has given `enough`. */
async function takeFromThread(
  t: ExecutionContext,
  plan: BatchPlan,
  start: Position,
  enough: number,
): Promise<void> {
  const input = openInput(plan, start);
  t.teardown(input.close);
  let taken = 0;
  for (const position of stepsFrom(plan, start)) {
    if (input.cost.ahead >= enough) break;
    const batch = await input.take(position.epoch, position.step);
    taken += 1;
    await sleep(SHORT_STEP_MILLISECONDS);
    // After the step, since the thread must not have touched it meanwhile.
    t.deepEqual(copyOf(batch), defined(plan, position));
  }
  t.is(input.cost.ahead, enough);
  t.is(input.cost.ahead + input.cost.here, taken);
}

test('batches assembled ahead are those of the definition, and stand for their step', async (t) => {
  // Several rounds of the ring, with short batches and new orders.
  await takeFromThread(t, smallPlan({ epochs: 1000 }), BEGINNING, 20);
});

test('strong views come from the thread as they come from here', async (t) => {
  const plan = smallPlan({ epochs: 1000, strong: true });
  t.truthy(defined(plan, BEGINNING).strong);
  await takeFromThread(t, plan, BEGINNING, 8);
});

test('entered in the middle of an epoch, an input goes on as if it had never been left', async (t) => {
  const plan = smallPlan({ epochs: 1000 });
  for (const start of [
    { epoch: 1, step: 2 },
    { epoch: 7, step: 1 },
  ]) {
    await takeFromThread(t, plan, start, 8);
  }
});

test('batches assembled on demand are those of the definition', async (t) => {
  const plan = smallPlan();
  const steps = stepsFrom(plan, BEGINNING);
  const wanted = steps.map((position) => defined(plan, position));
  t.deepEqual(
    wanted.map(({ count }) => count),
    [8, 8, 4, 8, 8, 4],
  );
  const direct = directInput(plan);
  t.deepEqual(await takeAll(direct, steps), wanted);
  t.is(direct.cost.here, steps.length);
});

test('a training that is faster than the thread assembles for itself', async (t) => {
  const plan = smallPlan({ epochs: 100 });
  const steps = stepsFrom(plan, BEGINNING);
  const input = openInput(plan, BEGINNING);
  const batches = await takeAll(input, steps);
  t.deepEqual(
    batches,
    steps.map((position) => defined(plan, position)),
  );
  t.true(input.cost.here > 0, 'the thread had not begun at the first step');
});

test('a few batches start no thread, and none at all where nothing is left', async (t) => {
  const plan = smallPlan({ epochs: 1000 });
  for (const [start, left] of [
    [{ epoch: 998, step: 1 }, 8],
    [{ epoch: 1000, step: 3 }, 0],
  ] as const) {
    const steps = stepsFrom(plan, start);
    t.is(steps.length, left);
    const input = openInput(plan, start);
    t.is(inputThreads(), 0);
    const wanted = steps.map((position) => defined(plan, position));
    t.deepEqual(await takeAll(input, steps), wanted);
    t.is(input.cost.here, left);
  }
});

/** Stays in the first step until the thread has come to a batch that cannot be assembled. */
async function errorOfThread(plan: BatchPlan): Promise<KdxError> {
  for (const pause of [300, 1000, 5000, 30_000]) {
    const input = openInput(plan, BEGINNING);
    try {
      await input.take(1, 0);
      await sleep(pause);
      await input.take(1, 1);
    } catch (error) {
      // Without a cause it is our own: the thread had not begun yet.
      if (error instanceof KdxError && error.cause !== undefined) return error;
    } finally {
      await input.close();
    }
  }
  throw new Error('the thread has not failed');
}

test('an error of the thread ends the training, with the stack of the thread', async (t) => {
  const images = Uint32Array.from({ length: 20 }, (_, index) => index);
  images[13] = 4000;
  const plan = smallPlan({ images, epochs: 100 });
  const order = epochOrder(images, plan.seed, 1);
  t.true(order.indexOf(4000) >= plan.batch, 'the first batch is sound');

  const error = await errorOfThread(plan);
  t.is(error.code, 'CodeBug');
  t.is(error.message, 'The thread that assembles batches has failed');
  const cause = error.cause as Error;
  t.regex(cause.message, /image 4000 is asked for; the set has 40/);
  t.regex(String(cause.stack), /learning\/data\/assembler\.ts/);
});

/** The name of a thread of this process; one that has just ended has none. */
function threadName(thread: string): string | undefined {
  try {
    return readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Threads of this process that assemble batches. */
function inputThreads(): number {
  return readdirSync('/proc/self/task').filter((thread) => threadName(thread) === 'input').length;
}

async function untilThreads(count: number): Promise<void> {
  while (inputThreads() !== count) await sleep(5);
}

test('a closed input leaves no thread behind, whether it was starting or waiting', async (t) => {
  for (const pause of [0, 300]) {
    const input = openInput(smallPlan({ epochs: 1000 }), BEGINNING);
    await input.take(1, 0);
    await untilThreads(1);
    await sleep(pause);
    await input.close();
    t.is(inputThreads(), 0);
  }
});

test('after its last batch the thread ends by itself', async (t) => {
  const plan = smallPlan({ epochs: 100 });
  const input = openInput(plan, BEGINNING);
  t.teardown(input.close);
  const steps = stepsFrom(plan, BEGINNING);
  await input.take(1, 0);
  await untilThreads(1);
  for (const { epoch, step } of steps.slice(1)) await input.take(epoch, step);
  await untilThreads(0);
  t.is(input.cost.ahead + input.cost.here, steps.length);
});
