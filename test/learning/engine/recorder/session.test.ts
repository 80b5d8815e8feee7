import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';

import test from 'ava';

import { tf } from '../../../../learning/engine/backend.ts';
import { native } from '../../../../learning/engine/recorder/native.ts';
import { recordedProgram } from '../../../../learning/engine/recorder/program.ts';
import type { RecordedProgram } from '../../../../learning/engine/recorder/program.ts';
import { createExperiment } from './experiment.ts';

function keep(tensor: tf.Tensor): tf.Tensor {
  return tf.keep(tf.clone(tensor));
}

/** Adds what it is fed to a variable. */
function adder(variable: tf.Variable): RecordedProgram {
  return recordedProgram('The adder', ({ x }) => {
    variable.assign(tf.add(variable, tf.sum(x as tf.Tensor)));
    return { y: keep(variable) };
  });
}

function run(program: RecordedProgram, x: tf.Tensor): number {
  const outputs = program.run({ x });
  const [value] = (outputs['y'] as tf.Tensor).dataSync();
  tf.dispose(outputs);
  return value as number;
}

function value(tensor: tf.Tensor): number {
  return tensor.dataSync()[0] as number;
}

const one = tf.tensor1d([1]);
const pair = tf.tensor1d([2, 3]);

test.serial('The host always reads what the graph has left in a variable', (t) => {
  const variable = tf.variable(tf.scalar(0));
  const program = adder(variable);
  for (let step = 1; step <= 5; step += 1) {
    run(program, one);
    t.is(value(variable), step);
  }
  for (let step = 0; step < 5; step += 1) run(program, one);
  t.is(value(tf.add(variable, 0.5)), 10.5);
  program.dispose();
  variable.dispose();
});

test.serial('The graph always sees what the host has assigned to a variable', (t) => {
  const variable = tf.variable(tf.scalar(0));
  const program = adder(variable);
  for (let step = 0; step < 4; step += 1) run(program, one);
  variable.assign(tf.scalar(100));
  t.is(run(program, one), 101);
  t.is(run(program, one), 102);
  program.dispose();
  variable.dispose();
});

test.serial('A copy that the host took of a variable keeps its value', (t) => {
  const variable = tf.variable(tf.scalar(0));
  const program = adder(variable);
  for (let step = 0; step < 3; step += 1) run(program, one);
  const snapshot = keep(variable);
  run(program, one);
  t.is(value(snapshot), 3);
  t.is(value(variable), 4);
  program.dispose();
  tf.dispose([variable, snapshot]);
});

test.serial('Batches of another size and other programs share the variables', (t) => {
  const variable = tf.variable(tf.scalar(0));
  const program = adder(variable);
  const reader = recordedProgram('The reader', ({ x }) => ({
    y: keep(tf.mul(variable, tf.sum(x as tf.Tensor))),
  }));
  const seen: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    run(program, one);
    run(program, one);
    run(program, pair);
    seen.push(run(reader, one), value(variable), run(reader, pair));
  }
  t.deepEqual(seen, [7, 7, 35, 14, 14, 70, 21, 21, 105, 28, 28, 140]);
  reader.dispose();
  t.is(run(program, one), 29);
  program.dispose();
  variable.dispose();
});

test.serial('Variables outlive their programs with the last values', (t) => {
  const variable = tf.variable(tf.scalar(0));
  const program = adder(variable);
  for (let step = 0; step < 3; step += 1) run(program, pair);
  program.dispose();
  t.is(value(variable), 15);
  variable.assign(tf.scalar(1));
  const next = adder(variable);
  t.is(run(next, one), 2);
  next.dispose();
  variable.dispose();
});

test.serial('Programs can be disposed after their variables', (t) => {
  const variable = tf.variable(tf.scalar(0));
  const program = adder(variable);
  for (let step = 0; step < 3; step += 1) run(program, one);
  variable.dispose();
  t.notThrows(() => program.dispose());
  t.is(native().binding.getNumOfSavedModels(), 0);
});

test.serial('Training leaves no tensor, no session and no file behind', (t) => {
  const { binding } = native();
  const experiment = createExperiment({ model: 'resnet8', method: 'kd', engine: 'recorded' });
  const counts = (): readonly number[] => [tf.memory().numTensors, binding.getNumOfTensors()];
  const step = (number: number, images?: number): void => {
    const feeds = experiment.feeds(number, images);
    experiment.step(feeds);
    tf.dispose(feeds);
  };
  for (let number = 0; number < 3; number += 1) step(number);
  step(3, 5);
  step(4, 5);
  const start = counts();
  for (let number = 0; number < 60; number += 1) step(number, number % 10 === 9 ? 5 : undefined);
  t.deepEqual(counts(), start);
  t.is(binding.getNumOfSavedModels(), 2);
  experiment.dispose();
  t.is(binding.getNumOfSavedModels(), 0);
  const left = readdirSync(tmpdir()).filter((name) => name.startsWith(`kdx-graph-${process.pid}-`));
  t.deepEqual(left, []);
});
