import test from 'ava';
import { idleShare, legSeconds } from '../../../bench/sweep/slots.ts';

test('slots that are busy from the first start to the last one are not idle', (t) => {
  const spans = [0, 1, 2].flatMap((start) => [
    { start, end: start + 1 },
    { start, end: start + 1 },
  ]);
  t.is(idleShare(spans, 2), 0);
});

test('a slot that waits while there is something left to start is idle', (t) => {
  const spans = [
    { start: 0, end: 1 },
    { start: 0, end: 4 },
    { start: 2, end: 3 },
  ];
  t.is(idleShare(spans, 2), 0.25);
});

test('what falls free behind the last start is not counted', (t) => {
  const spans = [
    { start: 0, end: 1 },
    { start: 0, end: 9 },
    { start: 1, end: 2 },
  ];
  t.is(idleShare(spans, 2), 0);
});

test('durations have the mean and the spread that they are asked for', (t) => {
  const seconds = Array.from({ length: 20_000 }, (_, number) => legSeconds(number, 30, 0.5));
  const meanOf = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  t.true(Math.abs(meanOf(seconds) - 30) < 0.3);
  const logs = seconds.map(Math.log);
  const deviations = logs.map((value) => (value - meanOf(logs)) ** 2);
  t.true(Math.abs(Math.sqrt(meanOf(deviations)) - 0.5) < 0.01);
  t.is(legSeconds(7, 30, 0.5), legSeconds(7, 30, 0.5));
});
