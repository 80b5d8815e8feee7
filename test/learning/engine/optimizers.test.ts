import test from 'ava';

import { KdxError } from '../../../leg/errors.ts';
import { adam } from '../../../learning/engine/adam.ts';
import { tf } from '../../../learning/engine/backend.ts';
import type { Parameter, ParameterGroup } from '../../../learning/engine/network.ts';
import type { Optimizer } from '../../../learning/engine/optimizer.ts';
import { sgd } from '../../../learning/engine/sgd.ts';
import { readGolden, relativeError } from '../formula.ts';

type OptimizerFixture = {
  readonly value: number[];
  readonly params: {
    readonly lr: number;
    readonly wd: number;
    readonly w0: number;
    readonly grads: number[];
  };
};
const { fixtures } = readGolden<{ fixtures: Readonly<Record<string, OptimizerFixture>> }>('losses');

function parameter(
  group: ParameterGroup,
  values: number | number[],
  name: string = group,
): Parameter {
  return { name, group, variable: tf.variable(tf.tensor(values)) };
}

/** Feeds gradients one by one and gives the first entry of the parameter after each step. */
function follow(
  optimizer: Optimizer,
  gradients: readonly number[],
  rateOf: (step: number) => number,
): number[] {
  const [{ name, variable }] = optimizer.parameters as [Parameter];
  return gradients.map((gradient, index) =>
    tf.tidy(() => {
      const rate = tf.scalar(rateOf(index + 1));
      const given = new Map([[name, tf.fill(variable.shape, gradient)]]);
      optimizer.apply(given, { weights: rate, gates: rate, vam: rate });
      return variable.dataSync()[0] ?? Number.NaN;
    }),
  );
}

for (const name of ['SGD', 'SGD_nesterov'] as const)
  test(`${name} with momentum and weight decay takes the steps of the reference`, (t) => {
    const { value, params } = fixtures[name] as OptimizerFixture;
    const optimizer = sgd({
      parameters: [parameter('weights', params.w0)],
      momentum: 0.9,
      nesterov: name === 'SGD_nesterov',
      weightDecay: params.wd,
    });
    t.true(
      relativeError(
        follow(optimizer, params.grads, () => params.lr),
        value,
      ) <= 1e-5,
    );
  });

test('SGD keeps the rate outside its momentum: a step after a change of the rate shows it', (t) => {
  const momentum = 0.9;
  const rates = [0.1, 0.01, 0.2];
  const gradients = [1, -2, 0.5];
  let [weight, velocity] = [3, 0];
  const expected = gradients.map((gradient, step) => {
    velocity = momentum * velocity + gradient;
    weight -= (rates[step] ?? Number.NaN) * velocity;
    return weight;
  });
  const parameters = [parameter('weights', 3)];
  const optimizer = sgd({ parameters, momentum, weightDecay: 0 });
  const found = follow(optimizer, gradients, (step) => rates[step - 1] ?? Number.NaN);
  t.true(relativeError(found, expected) <= 1e-6);
});

for (const [name, held] of [
  ['ADAM_L2', 0],
  ['ADAM_L2_lr0_first2', 2],
] as const) {
  test(`Adam takes the steps of the reference with a rate of 0 for ${held} steps`, (t) => {
    const { value, params } = fixtures[name] as OptimizerFixture;
    const optimizer = adam({
      parameters: [parameter('weights', params.w0)],
      weightDecay: params.wd,
    });
    const steps = follow(optimizer, params.grads, (step) => (step <= held ? 0 : params.lr));
    t.true(relativeError(steps, value) <= 1e-5);
  });
}

for (const [name, create] of [
  ['SGD', (parameters: Parameter[]) => sgd({ parameters, momentum: 0, weightDecay: 0.5 })],
  ['Adam', (parameters: Parameter[]) => adam({ parameters, weightDecay: 0.5 })],
] as const) {
  test(`${name} decays weights and gates, never attention`, (t) => {
    const groups = ['weights', 'gates', 'vam'] as const;
    const moved = groups.map((group) => {
      const optimizer = create([parameter(group, [4, 4])]);
      return follow(optimizer, [0], () => 0.1)[0] !== 4;
    });
    t.deepEqual(moved, [true, true, false]);
  });

  test(`${name} gives every group its own rate and every tensor its own update`, (t) => {
    const parameters = [
      parameter('weights', [1, 2], 'a'),
      parameter('gates', [3], 'b'),
      parameter('weights', [4], 'c'),
    ];
    const optimizer = create(parameters);
    const gradients = new Map([
      ['a', tf.tensor1d([0, 1])],
      ['b', tf.tensor1d([1])],
      ['c', tf.tensor1d([-4])],
    ]);
    const rates = { weights: tf.scalar(0.1), gates: tf.scalar(0), vam: tf.scalar(0) };
    optimizer.apply(gradients, rates);
    const [a, b, c] = parameters.map(({ variable }) => [...variable.dataSync()]);
    t.deepEqual(b, [3]);
    t.true((a?.[0] ?? 9) < 1 && (a?.[1] ?? 9) < 2);
    t.deepEqual(
      parameters.map(({ variable }) => variable.shape),
      [[2], [1], [1]],
    );
    t.true((c?.[0] ?? 0) > 4);
  });

  test(`${name} resumed from its slots and weights goes on with the same bits`, (t) => {
    const gradients = [0.5, -0.2, 0.1, 0.3];
    const whole = create([parameter('weights', [1, 2])]);
    const expected = follow(whole, gradients, () => 0.05);
    const before = create([parameter('weights', [1, 2])]);
    follow(before, gradients.slice(0, 2), () => 0.05);
    const weights = before.parameters[0]?.variable.arraySync() as number[];
    const after = create([parameter('weights', weights)]);
    t.deepEqual([...after.slots.keys()], [...before.slots.keys()]);
    for (const [slot, variable] of after.slots)
      variable.assign(before.slots.get(slot) as tf.Variable);
    t.deepEqual(
      follow(after, gradients.slice(2), () => 0.05),
      expected.slice(2),
    );
  });

  test(`${name} names a parameter that the loss does not depend on`, (t) => {
    const optimizer = create([parameter('weights', [1], 'stem/kernel')]);
    const rate = tf.scalar(0.1);
    const apply = (): void => {
      optimizer.apply(new Map(), { weights: rate, gates: rate, vam: rate });
    };
    const error = t.throws(apply, {
      instanceOf: KdxError,
      message: /No gradient reaches stem\/kernel/,
    });
    t.is(error.code, 'CodeBug');
  });
}
