import test from 'ava';

import { KdxError } from '../../../../leg/errors.ts';
import { tf } from '../../../../learning/engine/backend.ts';
import type { Outcome } from '../../../../learning/engine/recorder/rehearsal.ts';
import { rehearse } from '../../../../learning/engine/recorder/rehearsal.ts';
import { withReruns } from '../../../../learning/engine/recorder/rounding.ts';
import { verify } from '../../../../learning/engine/recorder/verification.ts';

const RATE = 0.01;
/** Signs of the steps that Adam takes, by what rounding makes of a gradient that is zero. */
type Signs = (factor: number) => readonly number[];

function outcome(before: tf.Tensor, variable: tf.Variable, signs: readonly number[]): Outcome {
  const after = tf.add(before, tf.mul(tf.tensor1d([...signs]), RATE));
  return {
    outputs: {},
    changes: new Map([[variable, { before, after }]]),
    dispose: () => undefined,
  };
}

/** Checks a variable of which the graph took `recorded`, and eager execution `eager`. */
function check(recorded: readonly number[], eager: Signs): void {
  const before = tf.fill([recorded.length], 0.5);
  const variable = tf.variable(tf.add(before, tf.mul(tf.tensor1d([...recorded]), RATE)));
  verify('The step', 1, outcome(before, variable, eager(1)), {}, (use) =>
    use((factor) => outcome(before, variable, eager(factor))),
  );
}

const up = [1, 1, 1, 1];
const mixed = [1, -1, -1, 1];

test('a variable that rounding alone moves as much is no disagreement', (t) => {
  t.notThrows(() => check(mixed, (factor) => (factor === 1 ? up : [-1, 1, -1, -1])));
  t.notThrows(() => check(mixed, (factor) => (factor === 1 - 2 ** -19 ? [-1, 1, 1, 1] : up)));
});

const refused = { instanceOf: KdxError, code: 'CodeBug', message: /rounding moves it by/ };

test('a variable that rounding leaves alone is a disagreement', (t) => {
  t.throws(() => check(mixed, () => up), refused);
  t.throws(() => check([-1, -1, -1, -1], () => up), refused);
  t.throws(() => check(mixed, (factor) => up.map((sign) => sign * factor)), refused);
});

test('a step that gives something else every time is a disagreement, not rounding', (t) => {
  let calls = 0;
  t.throws(() => check(mixed, () => up.map((sign) => sign * ++calls)), refused);
});

test('a step is run again on nudged feeds from where its variables were before it', (t) => {
  const variable = tf.variable(tf.scalar(1));
  const feeds = { x: tf.scalar(2), label: tf.scalar(3, 'int32') };
  const step = ({ x, label }: Record<string, tf.Tensor>) => {
    variable.assign(tf.add(variable, tf.mul(x as tf.Tensor, label as tf.Tensor)));
    return {};
  };
  const { changes, dispose } = rehearse(step, feeds);
  variable.assign(tf.scalar(100));
  const tensors = tf.memory().numTensors;
  const seen = withReruns(step, feeds, changes, (rerun) =>
    [1, 2].map((factor) => {
      const again = rerun(factor);
      const value = again.changes.get(variable)?.after.dataSync()[0];
      again.dispose();
      return value;
    }),
  );
  t.deepEqual(seen, [7, 13]);
  t.is(variable.dataSync()[0], 100);
  t.is(tf.memory().numTensors, tensors);
  dispose();
});
