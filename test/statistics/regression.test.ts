import test from 'ava';
import { slowdown } from '../../statistics/regression.ts';

test("Welch's t on logarithms, one-sided, against its definition integrated numerically", (t) => {
  // t = −5.8214 on 5.9307 degrees of freedom.
  const { change, p } = slowdown([100, 104, 98, 101, 97], [91, 93, 90]);
  t.true(Math.abs(change - -0.086_479_189_013) < 1e-11);
  t.true(Math.abs(p - 0.000_588_352_09) < 1e-10);
});

test('rates that only scatter are no slowdown', (t) => {
  t.true(slowdown([100, 104, 98, 101, 97], [99, 102, 100]).p > 0.2);
});

test('faster ones are none either', (t) => {
  const { change, p } = slowdown([100, 101, 99, 100, 100], [120, 121, 119]);
  t.true(change > 0.19);
  t.true(p > 0.99);
});

test('a change of unit changes nothing', (t) => {
  const [a, b] = [slowdown([100, 104, 98], [91, 93]), slowdown([1, 1.04, 0.98], [0.91, 0.93])];
  t.true(Math.abs(a.p - b.p) < 1e-12);
  t.true(Math.abs(a.change - b.change) < 1e-12);
});

test('rates without any scatter are told apart by their sign', (t) => {
  t.deepEqual(slowdown([100, 100], [100, 100]), { change: 0, p: 1 });
  t.is(slowdown([100, 100], [90, 90]).p, 0);
});
