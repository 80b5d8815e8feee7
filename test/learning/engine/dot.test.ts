/** Two velocities over one forward pass: the distillation-oriented trainer. */
import '../one-thread.ts';

import test from 'ava';

import { tf } from '../../../learning/engine/backend.ts';
import { dot } from '../../../learning/engine/dot.ts';
import type { Parameter } from '../../../learning/engine/network.ts';
import { sgd } from '../../../learning/engine/sgd.ts';
import { createTrainer, type Feeds } from '../../../learning/engine/trainer.ts';
import { relativeError } from '../formula.ts';

const RATE = 0.1;
const MOMENTUM = 0.9;
const DIFFERENCE = 0.075;
const DECAY = 0.01;

const rates = ({ rate }: Feeds) => {
  const scalar = rate as tf.Scalar;
  return { weights: scalar, gates: scalar, vam: scalar };
};
const parameterOf = (name: string, value: number): Parameter => {
  return { name, group: 'weights', variable: tf.variable(tf.tensor1d([value])) };
};

/** One number in double precision: both velocities, or the one that reaches it. */
function steps(
  start: number,
  gradients: readonly (readonly [task: number | undefined, taught: number | undefined])[],
): number[] {
  let [w, own, theirs] = [start, 0, 0];
  return gradients.map(([task, taught]) => {
    if (task !== undefined && taught !== undefined) {
      own = (MOMENTUM - DIFFERENCE) * own + task + DECAY * w;
      theirs = (MOMENTUM + DIFFERENCE) * theirs + taught;
    } else {
      own = MOMENTUM * own + (task ?? taught ?? NaN) + DECAY * w;
    }
    w -= RATE * (own + theirs);
    return w;
  });
}

const TASK = [1, -0.5, 0.25, 2, 0];
const TAUGHT = [-0.3, 0.8, 0.1, 0, -1];

test('what both reach has two velocities, what one reaches the ordinary one', (t) => {
  const parameters = [parameterOf('both', 3), parameterOf('task', -2), parameterOf('taught', 1)];
  const optimizer = dot({
    ...{ parameters, momentum: MOMENTUM, difference: DIFFERENCE, weightDecay: DECAY },
  });
  const rate = tf.scalar(RATE);
  const found = TASK.map((task, step) => {
    const [own, theirs] = [tf.tensor1d([task]), tf.tensor1d([TAUGHT[step] ?? NaN])];
    optimizer.apply(
      new Map([['both', own] as const, ['task', own] as const]),
      { weights: rate, gates: rate, vam: rate },
      new Map([['both', theirs] as const, ['taught', theirs] as const]),
    );
    return parameters.map(({ variable }) => variable.dataSync()[0] ?? NaN);
  });
  const pairs = TASK.map((task, step) => [task, TAUGHT[step] ?? NaN] as const);
  const wanted = [
    steps(3, pairs),
    steps(
      -2,
      pairs.map(([task]) => [task, undefined]),
    ),
    steps(
      1,
      pairs.map(([, taught]) => [undefined, taught]),
    ),
  ];
  for (const [index, expected] of wanted.entries()) {
    const own = found.map((values) => values[index] ?? NaN);
    t.true(relativeError(own, expected) <= 1e-6, parameters[index]?.name);
  }
});

test('without a teacher it is SGD to the bit', (t) => {
  const run = (create: (parameters: Parameter[]) => ReturnType<typeof sgd>): number[] => {
    const parameter = parameterOf('w', 3);
    const optimizer = create([parameter]);
    const rate = tf.scalar(RATE);
    return TASK.map((gradient) => {
      const given = new Map([['w', tf.tensor1d([gradient])]]);
      optimizer.apply(given, { weights: rate, gates: rate, vam: rate });
      return parameter.variable.dataSync()[0] ?? NaN;
    });
  };
  const options = { momentum: MOMENTUM, weightDecay: DECAY };
  t.deepEqual(
    run((parameters) => dot({ parameters, ...options, difference: DIFFERENCE })),
    run((parameters) => sgd({ parameters, ...options })),
  );
});

/** y = tanh(a · x) · b: the task wants y², a teacher wants a smaller a as well. */
function descent(engine: 'eager' | 'recorded') {
  const parameters = [parameterOf('a', 0.7), parameterOf('b', -1.2)];
  const [a, b] = parameters.map(({ variable }) => variable) as [tf.Variable, tf.Variable];
  let passes = 0;
  const trainer = createTrainer({
    ...{ engine, rates },
    optimizer: dot({ parameters, momentum: MOMENTUM, difference: DIFFERENCE, weightDecay: DECAY }),
    loss: ({ x }) => {
      passes += 1;
      const hidden = tf.tanh(tf.mul(a, x as tf.Tensor));
      const task = tf.sum<tf.Scalar>(tf.square(tf.mul(hidden, b)));
      const taught = tf.sum<tf.Scalar>(tf.square(tf.sub(hidden, 0.3)));
      return { total: tf.add<tf.Scalar>(task, taught), task, taught };
    },
  });
  return { trainer, parameters, passes: () => passes };
}

for (const engine of ['eager', 'recorded'] as const) {
  test(`two gradients are taken of one forward pass: ${engine}`, (t) => {
    const { trainer, parameters, passes } = descent(engine);
    const [wa, wb] = [[0.7], [-1.2]] as [number[], number[]];
    const velocity = { a: 0, aTaught: 0, b: 0 };
    const [a, b] = [wa, wb] as const;
    for (const x of [0.5, -1, 2, 0.1]) {
      const feeds = { x: tf.scalar(x), rate: tf.scalar(RATE) };
      const outputs = trainer.step(feeds);
      const [p, q] = [a.at(-1) ?? NaN, b.at(-1) ?? NaN];
      const hidden = Math.tanh(p * x);
      const slope = x * (1 - hidden ** 2);
      t.true(
        Math.abs(
          (outputs['total']?.dataSync()[0] ?? NaN) - ((hidden * q) ** 2 + (hidden - 0.3) ** 2),
        ) < 1e-5,
      );
      // The teacher reaches a alone; the task reaches both.
      velocity.a = (MOMENTUM - DIFFERENCE) * velocity.a + 2 * hidden * q ** 2 * slope + DECAY * p;
      velocity.aTaught = (MOMENTUM + DIFFERENCE) * velocity.aTaught + 2 * (hidden - 0.3) * slope;
      velocity.b = MOMENTUM * velocity.b + 2 * q * hidden ** 2 + DECAY * q;
      a.push(p - RATE * (velocity.a + velocity.aTaught));
      b.push(q - RATE * velocity.b);
      const values = parameters.map(({ variable }) => variable.dataSync()[0] ?? NaN);
      t.true(relativeError(values, [a.at(-1) ?? NaN, b.at(-1) ?? NaN]) < 1e-5);
      tf.dispose([feeds, outputs]);
    }
    if (engine === 'eager') t.is(passes(), 4);
    trainer.dispose();
  });
}

test('a step with two gradients leaves no tensor behind', (t) => {
  const { trainer } = descent('eager');
  const run = () => {
    const feeds = { x: tf.scalar(0.5), rate: tf.scalar(RATE) };
    tf.dispose([feeds, trainer.step(feeds)]);
  };
  run();
  const before = tf.memory().numTensors;
  run();
  run();
  t.is(tf.memory().numTensors, before);
});
