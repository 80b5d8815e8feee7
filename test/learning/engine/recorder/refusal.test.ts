import test from 'ava';

import { tf } from '../../../../learning/engine/backend.ts';
import { native } from '../../../../learning/engine/recorder/native.ts';
import { recordedProgram } from '../../../../learning/engine/recorder/program.ts';
import type { Step, Tensors } from '../../../../learning/engine/recorder/rehearsal.ts';

const weight = tf.variable(tf.tensor1d([1, 2, 3]));
/** Used by no operation yet: its values are still on the host when the step is recorded. */
const waiting = tf.tensor1d([4, 5, 6]);
const uploaded = tf.tidy(() => tf.add(tf.tensor1d([4, 5, 6]), 1));

function keep(tensor: tf.Tensor): Tensors {
  return { y: tf.keep(tf.clone(tensor)) };
}

function ignoreRejection(promise: Promise<unknown>): void {
  promise.catch(() => undefined);
}

const refuses = test.macro({
  title: (_, what: string) => `Recording refuses ${what}, and names it and the line`,
  exec: (t, _what: string, compute: (x: tf.Tensor1D) => tf.Tensor, message: RegExp) => {
    const x = tf.tensor1d([1, -2, 3]);
    const step: Step = ({ x: fed }) => {
      const y = compute(fed as tf.Tensor1D);
      weight.assign(tf.mul(weight, 2));
      return keep(y);
    };
    const program = recordedProgram('The test step', step);
    const { binding } = native();
    const tensors = tf.memory().numTensors;
    t.throws(() => program.run({ x }), { message });
    t.throws(() => program.run({ x }), { message: /^The test step .*refusal\.test\.ts:\d+\. / });
    t.is(tf.memory().numTensors, tensors);
    t.is(native().binding, binding);
    t.deepEqual([...weight.dataSync()], [1, 2, 3]);
    t.is(binding.getNumOfSavedModels(), 0);
    x.dispose();
  },
});

test.serial(
  refuses,
  'random numbers drawn in JavaScript',
  (x) => tf.add(x, tf.randomNormal([3])),
  /random numbers are drawn in JavaScript \(randomNormal\), in randomNormal at /,
);
test.serial(
  refuses,
  "tfjs' own dropout",
  (x) => tf.dropout(x, 0.5),
  /random numbers are drawn in JavaScript \(dropout › randomUniform\), in dropout at /,
);
test.serial(
  refuses,
  'an operation with a random state',
  (x) => tf.multinomial(x, 2, 7),
  /Multinomial keeps a random state/,
);
test.serial(
  refuses,
  'a branch on a value',
  (x) => ((x.dataSync()[0] ?? 0) > 0 ? x : tf.neg(x)),
  /values that change from step to step are read in JavaScript, in dataSync at /,
);
test.serial(
  refuses,
  'a branch on a computed value even where the step catches the error',
  (x) => {
    try {
      return tf.sum(x).arraySync() === 0 ? x : tf.neg(x);
    } catch {
      return x;
    }
  },
  /values that change from step to step are read in JavaScript, in arraySync at /,
);
test.serial(
  refuses,
  'a branch on a weight',
  (x) => ((weight.dataSync()[0] ?? 0) > 0 ? x : tf.neg(x)),
  /values that change from step to step are read in JavaScript/,
);
test.serial(
  refuses,
  'an asynchronous read',
  (x) => {
    ignoreRejection(x.data());
    return x;
  },
  /values that change from step to step are read in JavaScript, in data at /,
);
test.serial(
  refuses,
  'whereAsync',
  (x) => {
    ignoreRejection(tf.whereAsync(tf.greater(x, 0)));
    return x;
  },
  /values that change from step to step are read in JavaScript, in whereAsync at /,
);
test.serial(
  refuses,
  'unique values, whose number changes',
  (x) => tf.unique(x).values,
  /the shape that UniqueV2 gives depends on values \(unique\)/,
);
test.serial(
  refuses,
  'a tensor from outside',
  (x) => tf.add(x, uploaded),
  /a tensor of shape \[3\] comes from outside of it \(add\), in add at /,
);
test.serial(
  refuses,
  'a tensor from outside that has not been used yet',
  (x) => tf.add(x, waiting),
  /a tensor of shape \[3\] comes from outside of it \(add\), in add at /,
);
test.serial(
  refuses,
  'a large constant',
  (x) => tf.add(tf.mean(x), tf.tensor1d(Array.from({ length: 70_000 }, (_, i) => i))),
  /a constant of shape \[70000\] is made in JavaScript/,
);

test.serial('Recording refuses a step that creates a variable', (t) => {
  const x = tf.scalar(1);
  const program = recordedProgram('The test step', ({ x: fed }) => {
    const created = tf.variable(fed as tf.Scalar);
    return keep(created);
  });
  t.throws(() => program.run({ x }), { message: /it creates a variable/ });
  tf.disposeVariables();
});

test.serial('A step that is being recorded must not run another program', (t) => {
  const x = tf.scalar(1);
  const inner = recordedProgram('The teacher', ({ x: fed }) => keep(fed as tf.Scalar));
  const outer = recordedProgram('The test step', (feeds) => inner.run(feeds));
  t.throws(() => outer.run({ x }), { message: /must not run The teacher/ });
});

const freezes = test.macro({
  title: (_, what: string) => `The check of the second run finds ${what}`,
  exec: (t, _what: string, factor: () => number) => {
    const x = tf.tensor1d([1, 2, 3]);
    const program = recordedProgram('The test step', ({ x: fed }) =>
      keep(tf.mul(fed as tf.Tensor1D, factor())),
    );
    tf.dispose(program.run({ x }));
    const tensors = tf.memory().numTensors;
    t.throws(() => program.run({ x }), { message: /disagree on y.*frozen in the graph: feed it/ });
    t.is(tf.memory().numTensors, tensors);
    program.dispose();
  },
});

let count = 0;
test.serial(freezes, 'a JavaScript number that changes between steps', () => (count += 1));
test.serial(freezes, 'a random number of JavaScript', () => Math.random());

test.serial('The check of the second run finds a frozen value that only moves a variable', (t) => {
  const x = tf.scalar(1);
  const moved = tf.variable(tf.scalar(1));
  let rate = 0.1;
  const program = recordedProgram('The test step', ({ x: fed }) => {
    moved.assign(tf.sub(moved, tf.mul(fed as tf.Scalar, rate)));
    return keep(fed as tf.Scalar);
  });
  tf.dispose(program.run({ x }));
  rate = 0.2;
  t.throws(() => program.run({ x }), { message: /disagree on variable/ });
  program.dispose();
  moved.dispose();
});
