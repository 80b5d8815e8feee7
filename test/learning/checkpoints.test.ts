import test from 'ava';

import { createKeeper } from '../../learning/checkpoints.ts';
import type { LegContext } from '../../learning/context.ts';
import { KdxError } from '../../leg/errors.ts';

const CHECKPOINT_SECONDS = 30;
const AWAY = new KdxError('ObjectStore', 'the store is away');

/** A loop of steps of a second each; `save` stands for the store. */
function loopOf(save: (step: number) => Promise<void>) {
  let seconds = 0;
  let stop = false;
  const context = {
    ports: { stopRequested: () => stop },
    now: () => seconds,
    checkpointSeconds: CHECKPOINT_SECONDS,
    warn: () => undefined,
  } as unknown as LegContext;
  const keep = createKeeper<number>(context, save);
  return {
    /** Goes on up to a step. */
    trainTo: async (step: number): Promise<void> => {
      while (seconds < step) await keep((seconds += 1));
    },
    stop: async (): Promise<boolean> => {
      stop = true;
      return keep(seconds);
    },
  };
}

test('while the store is away a training goes on, and stores where it has come to once it is back', async (t) => {
  const tried: number[] = [];
  let isAway = true;
  const { trainTo } = loopOf((step) => {
    tried.push(step);
    return isAway ? Promise.reject(AWAY) : Promise.resolve();
  });
  await trainTo(100);
  t.deepEqual(tried, [30, 60, 90]);
  isAway = false;
  await trainTo(120);
  t.deepEqual(tried, [30, 60, 90, 120]);
});

test('a training that can store nothing for half an hour ends', async (t) => {
  const { trainTo } = loopOf(() => Promise.reject(AWAY));
  await trainTo(1800);
  await t.throwsAsync(trainTo(1900), { is: AWAY });
});

test('the half hour begins anew with each checkpoint that is stored', async (t) => {
  const { trainTo } = loopOf((step) => (step === 1500 ? Promise.resolve() : Promise.reject(AWAY)));
  await trainTo(3300);
  await t.throwsAsync(trainTo(3400), { is: AWAY });
});

test('a failure that time does not mend ends a training at once', async (t) => {
  const refused = new KdxError('Configuration', 'the store refuses us');
  const { trainTo } = loopOf(() => Promise.reject(refused));
  await t.throwsAsync(trainTo(40), { is: refused });
});

test('a stop while the store is away fails: what was computed since would be lost silently', async (t) => {
  const { trainTo, stop } = loopOf(() => Promise.reject(AWAY));
  await trainTo(10);
  await t.throwsAsync(stop(), { is: AWAY });
});

test('a training goes on beside a checkpoint that hangs, and starts no second one', async (t) => {
  let saves = 0;
  const { trainTo } = loopOf(() => {
    saves += 1;
    return new Promise(() => undefined);
  });
  await trainTo(200);
  t.is(saves, 1);
});
