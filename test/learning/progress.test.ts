import test from 'ava';

import { createProgressMeter } from '../../learning/progress.ts';
import type { LegContext } from '../../learning/context.ts';
import type { Progress } from '../../leg/result.ts';

/** A leg of 10 epochs of 100 steps, whose clock the test moves. */
function meterOf() {
  let seconds = 0;
  const said: Progress[] = [];
  const ports = { progress: (progress: Progress) => void said.push(progress) };
  const context = { ports, now: () => seconds } as unknown as LegContext;
  const meter = createProgressMeter(context, { epochs: 10, steps: 100, imagesPerEpoch: 6400 });
  const step = (number: number, takes: number) => {
    seconds += takes;
    meter.advance({ epoch: 1, step: number, images: 64 });
  };
  return { step, said };
}

test('no remaining time is stated until the pace is known, and the warm-up is no part of it', (t) => {
  const { step, said } = meterOf();
  // Loading and recording: a minute for three steps.
  for (const number of [1, 2, 3]) step(number, 20);
  t.true(said.length > 0);
  t.true(said.every(({ etaSeconds }) => etaSeconds === undefined));
  for (let number = 4; number <= 24; number += 1) step(number, 0.25);
  const last = said.at(-1);
  t.is(last?.imagesPerSecond, 256);
  const left = 6400 * (9 + (100 - (last?.step ?? 0)) / 100);
  t.is(last?.etaSeconds, left / 256);
});

test('the steady pace is that of steps alone', (t) => {
  let seconds = 0;
  const context = { ports: { progress: () => undefined }, now: () => seconds };
  const scope = { epochs: 2, steps: 10, imagesPerEpoch: 640 };
  const meter = createProgressMeter(context as unknown as LegContext, scope);
  const run = (epoch: number): void => {
    for (let step = 1; step <= 10; step += 1) {
      seconds += epoch === 1 && step <= 3 ? 20 : 0.5;
      meter.advance({ epoch, step, images: 64 });
    }
  };
  t.is(meter.steadyImagesPerSecond, undefined);
  run(1);
  // Measures at the end of the epoch.
  seconds += 100;
  run(2);
  t.is(meter.steadyImagesPerSecond, 128);
  t.true((meter.imagesPerSecond ?? 0) < 10);
});
