import test from 'ava';

import { KdxError } from '../../../../leg/errors.ts';
import { tf } from '../../../../learning/engine/backend.ts';
import { verify } from '../../../../learning/engine/recorder/verification.ts';

const RATE = 0.01;
const WEIGHTS = 64;

/** A first step of Adam, whose eager run took `eager` and whose graph took `recorded`. */
function check(eager: readonly number[], recorded: readonly number[]): void {
  const before = tf.fill([eager.length], 0.5);
  const moved = (steps: readonly number[]): tf.Tensor => tf.add(before, tf.tensor1d([...steps]));
  const variable = tf.variable(moved(recorded));
  const changes = new Map([[variable, { before, after: moved(eager) }]]);
  const eagerRun = { outputs: {}, changes, dispose: () => undefined };
  // Eager execution gives the same whatever rounding does.
  verify('The step', 1, eagerRun, {}, (use) => use(() => eagerRun));
}

const steps = (flipped: number, size = WEIGHTS): number[] =>
  Array.from({ length: size }, (_, index) => (index < flipped ? -RATE : RATE));

test('single values whose gradient has another sign by chance are no disagreement', (t) => {
  t.notThrows(() => {
    check(steps(0), steps(0));
    check(steps(0), steps(1));
    check(steps(0), steps(8));
  });
});

test('values that differ throughout are a disagreement, in small variables each one', (t) => {
  for (const [eager, recorded] of [
    [steps(0), steps(20)],
    [steps(0), steps(0).map((step) => step * 1.1)],
    [steps(0, 1), steps(1, 1)],
    [steps(0, 4), steps(1, 4)],
    [steps(0), [NaN, ...steps(0, WEIGHTS - 1)]],
  ] as const) {
    const error = t.throws(() => check(eager, recorded), { instanceOf: KdxError });
    t.is(error.code, 'CodeBug');
    t.regex(error.message, /^The step: .* disagree on variable \d+ \[\d+\] \(off by /);
  }
});
