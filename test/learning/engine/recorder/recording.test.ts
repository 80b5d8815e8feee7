import { hash } from 'node:crypto';

import test from 'ava';

import { tf } from '../../../../learning/engine/backend.ts';
import { dataType, operation } from '../../../../learning/engine/operation.ts';
import { recordedProgram } from '../../../../learning/engine/recorder/program.ts';
import type { Step, Tensors } from '../../../../learning/engine/recorder/rehearsal.ts';
import { record } from '../../../../learning/engine/recorder/record.ts';
import { createExperiment } from './experiment.ts';

function keep(tensors: Tensors): Tensors {
  const entries = Object.entries(tensors);
  return Object.fromEntries(entries.map(([name, tensor]) => [name, tf.keep(tf.clone(tensor))]));
}

function values(tensors: Tensors): Record<string, number[]> {
  const entries = Object.entries(tensors);
  return Object.fromEntries(entries.map(([name, tensor]) => [name, [...tensor.dataSync()]]));
}

/** Digest of the variables' bytes. */
function digest(variables: readonly tf.Variable[]): string {
  const all = variables.flatMap((variable) => [...variable.dataSync()]);
  return hash('sha256', Buffer.from(new Float32Array(all).buffer));
}

/** Runs a step several times in a graph; gives the outputs of each run. */
function runs(step: Step, feeds: readonly Tensors[]): Record<string, number[]>[] {
  const program = recordedProgram('The test step', step);
  const results = feeds.map((fed) => {
    const outputs = program.run(fed);
    const read = values(outputs);
    tf.dispose(outputs);
    return read;
  });
  program.dispose();
  return results;
}

const x = tf.tensor1d([1, 2, 3]);

test.serial(
  'Recording does not train: weights, statistics, slots and counts stay as they are',
  (t) => {
    const experiment = createExperiment({
      model: 'hme_ltb',
      method: 'ce',
      engine: 'eager',
      optimizer: 'adam',
    });
    const { network, optimizer } = experiment;
    const state = [
      ...[...network.trainable.values()].map(({ variable }) => variable),
      ...network.statistics.values(),
      ...optimizer.slots.values(),
    ];
    const before = digest(state);
    const feeds = experiment.feeds(1);
    const step: Step = (fed) => {
      const gradients = new Map(
        [...network.trainable.values()].map(({ name, variable }) => [name, tf.onesLike(variable)]),
      );
      const rate = fed['rate'] as tf.Scalar;
      const inverseGateTemperature = fed['gate'] as tf.Scalar;
      network.forward(fed['images'] as tf.Tensor4D, { mode: 'train', inverseGateTemperature });
      optimizer.apply(gradients, { weights: rate, gates: rate, vam: rate });
      return keep({ rate });
    };
    const { graph, eager } = record('The test step', step, feeds);
    t.is(graph.assigned.length, state.length);
    eager.dispose();
    t.is(digest(state), before);
    experiment.dispose();
  },
);

test.serial('A variable assigned several times in a step ends with the last value', (t) => {
  const variable = tf.variable(tf.scalar(1));
  const step: Step = ({ x: fed }) => {
    const first = tf.clone(variable);
    variable.assign(tf.add(variable, 10));
    const second = tf.clone(variable);
    variable.assign(tf.mul(variable, tf.sum(fed as tf.Tensor)));
    return keep({ first, second, third: variable });
  };
  const feeds = [{ x }, { x }, { x }];
  t.deepEqual(runs(step, feeds), [
    { first: [1], second: [11], third: [66] },
    { first: [66], second: [76], third: [456] },
    { first: [456], second: [466], third: [2796] },
  ]);
  t.is(variable.dataSync()[0], 2796);
  variable.dispose();
});

test.serial('An output holds the value that a variable had before it was assigned', (t) => {
  const variable = tf.variable(tf.scalar(1));
  const step: Step = ({ x: fed }) => {
    const outputs = keep({ before: variable });
    variable.assign(tf.sum(fed as tf.Tensor));
    return outputs;
  };
  t.deepEqual(runs(step, [{ x }, { x }]), [{ before: [1] }, { before: [6] }]);
  variable.dispose();
});

test.serial('Variables can be exchanged within a step', (t) => {
  const a = tf.variable(tf.scalar(1));
  const b = tf.variable(tf.scalar(2));
  const step: Step = ({ x: fed }) => {
    const old = tf.clone(a);
    a.assign(b);
    b.assign(old);
    return keep({ x: fed as tf.Tensor, a, b });
  };
  const results = runs(step, [{ x }, { x }, { x }]);
  t.deepEqual(
    results.map(({ a, b }) => [a, b]),
    [
      [[2], [1]],
      [[1], [2]],
      [[2], [1]],
    ],
  );
  tf.dispose([a, b]);
});

test.serial('Variables that start as the same tensor stay apart', (t) => {
  const start = tf.scalar(5);
  const a = tf.variable(start);
  const b = tf.variable(start);
  const step: Step = ({ x: fed }) => {
    a.assign(tf.add(a, tf.sum(fed as tf.Tensor)));
    return keep({ a, b });
  };
  t.deepEqual(runs(step, [{ x }, { x }]), [
    { a: [11], b: [5] },
    { a: [17], b: [5] },
  ]);
  tf.dispose([start, a, b]);
});

test.serial('A feed may be an output, be fed under two names, and be a variable', (t) => {
  const variable = tf.variable(tf.tensor1d([7, 8, 9]));
  const step: Step = ({ a, b }) =>
    keep({ a: a as tf.Tensor, sum: tf.add(a as tf.Tensor, b as tf.Tensor) });
  t.deepEqual(
    runs(step, [
      { a: x, b: x },
      { a: x, b: variable },
      { a: variable, b: x },
    ]),
    [
      { a: [1, 2, 3], sum: [2, 4, 6] },
      { a: [1, 2, 3], sum: [8, 10, 12] },
      { a: [7, 8, 9], sum: [8, 10, 12] },
    ],
  );
  variable.dispose();
});

test.serial('Constants of all kinds are part of the graph', (t) => {
  const step: Step = ({ x: fed }) => {
    const column = tf.expandDims(fed as tf.Tensor, 1);
    const mask = tf.tensor1d([true, false, true], 'bool');
    const chosen = tf.where(mask, fed as tf.Tensor, tf.fill([3], -1));
    const wide = tf.mul(column, tf.ones([3, 200]));
    const uneven = tf.mul(column, tf.tensor1d(Array.from({ length: 200 }, (_, i) => i)));
    const index = tf.gather(fed as tf.Tensor, tf.tensor1d([2, 0], 'int32'));
    const scalar = tf.scalar(3);
    return keep({ chosen, wide: tf.sum(wide), uneven: tf.sum(uneven), index, scalar });
  };
  const second = tf.tensor1d([-4, 5, 6]);
  t.deepEqual(runs(step, [{ x }, { x }, { x: second }]), [
    { chosen: [1, -1, 3], wide: [1200], uneven: [119400], index: [3, 1], scalar: [3] },
    { chosen: [1, -1, 3], wide: [1200], uneven: [119400], index: [3, 1], scalar: [3] },
    { chosen: [-4, -1, 6], wide: [1400], uneven: [139300], index: [6, -4], scalar: [3] },
  ]);
  second.dispose();
});

test.serial('Integers and truth values can be fed, kept in variables and given', (t) => {
  const count = tf.variable(tf.scalar(3, 'int32'));
  const step: Step = ({ flags }) => {
    count.assign(tf.add(count, tf.sum(tf.cast(flags as tf.Tensor, 'int32'))));
    return keep({ count, none: tf.logicalNot(flags as tf.Tensor) });
  };
  const flags = tf.tensor1d([true, false, true], 'bool');
  t.deepEqual(runs(step, [{ flags }, { flags }]), [
    { count: [5], none: [0, 1, 0] },
    { count: [7], none: [0, 1, 0] },
  ]);
  tf.dispose([count, flags]);
});

test.serial('A graph that TensorFlow refuses is an error that says so, and leaves nothing', (t) => {
  const step: Step = ({ x: fed }) =>
    keep({ y: operation('Shape', [dataType('out_type', 'int32')], [fed as tf.Tensor]) });
  const tensors = tf.memory().numTensors;
  const error = t.throws(() => runs(step, [{ x }]), {
    message: 'The test step: TensorFlow refuses the recorded graph',
  });
  t.regex(String(error.cause), /Shape/);
  t.is(tf.memory().numTensors, tensors);
});
