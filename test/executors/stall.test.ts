import test from 'ava';
import { createStallWatch } from '../../executors/stall.ts';
import type { Progress } from '../../leg/result.ts';

const at = (epoch: number, step: number): Progress => ({
  key: 'k',
  process: 'a',
  trial: 't',
  epoch,
  epochs: 10,
  step,
  steps: 100,
  imagesPerSecond: 1,
  loss: 1,
  etaSeconds: 1,
  peakBytes: 1,
  at: '',
});

test('a leg that never says anything is stalled after the least time', (t) => {
  const watch = createStallWatch(0, 1000);
  t.false(watch.isStalled(1000));
  t.true(watch.isStalled(1001));
});

test('the same position said again is no progress', (t) => {
  const watch = createStallWatch(0, 1000);
  watch.heard(at(0, 5), 500);
  watch.heard(at(0, 5), 1400);
  t.true(watch.isStalled(1501));
});

test('slow steps are given ten times their length', (t) => {
  const watch = createStallWatch(0, 1000);
  watch.heard(at(0, 1), 0);
  watch.heard(at(0, 3), 4000);
  t.false(watch.isStalled(24_000));
  t.true(watch.isStalled(24_001));
});

test('a new epoch is progress though its steps count from nought', (t) => {
  const watch = createStallWatch(0, 1000);
  watch.heard(at(0, 90), 500);
  watch.heard(at(1, 0), 1400);
  t.false(watch.isStalled(2400));
});
