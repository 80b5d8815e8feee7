import test from 'ava';

import type { Initial } from '../../../learning/engine/network.ts';
import { buildNetwork } from '../../../learning/models/build.ts';

function initialsOf(model: string): ReadonlyMap<string, Initial> {
  const initials = new Map<string, Initial>();
  const options = { model, classes: 10, imageSize: 32 };
  const network = buildNetwork(options, (name, shape, initial) => {
    initials.set(name, initial);
    return new Float32Array(shape.reduce((product, size) => product * size, 1));
  });
  network.dispose();
  return initials;
}

const normal = (variance: number): Initial => {
  return { kind: 'normal', standardDeviation: Math.sqrt(variance) };
};
const uniform = (fanIn: number): Initial => {
  return { kind: 'uniform', low: -1 / Math.sqrt(fanIn), high: 1 / Math.sqrt(fanIn) };
};
const constant = (value: number): Initial => ({ kind: 'constant', value });
const small: Initial = { kind: 'normal', standardDeviation: 0.01 };

/** By the code of the reference: RepDistiller's models. */
const EXPECTED: Readonly<Record<string, Readonly<Record<string, Initial>>>> = {
  resnet50: {
    'stem/kernel': normal(2 / (9 * 64)),
    'stage2/block1/conv1/kernel': normal(2 / 128),
    'stage2/block1/conv2/kernel': normal(2 / (9 * 128)),
    'stage2/block1/conv3/kernel': normal(2 / 512),
    'classifier/kernel': uniform(2048),
    'classifier/bias': uniform(2048),
  },
  vgg8: {
    'block2/conv1/kernel': normal(2 / (9 * 128)),
    'block2/conv1/bias': constant(0),
    'block2/conv1/norm/gamma': constant(1),
    'classifier/kernel': small,
    'classifier/bias': constant(0),
  },
  mobilenetv2: {
    'group2/block1/expand/kernel': normal(2 / 48),
    'group2/block1/depthwise/kernel': normal(2 / (9 * 48)),
    'group2/block1/project/kernel': normal(2 / 12),
    'classifier/kernel': small,
    'classifier/bias': constant(0),
  },
  shufflenetv1: {
    'stem/kernel': uniform(3),
    'stage1/unit2/conv1/kernel': uniform(80),
    'stage1/unit2/conv2/kernel': uniform(9),
    'stage1/unit2/conv3/kernel': uniform(20),
    'classifier/kernel': uniform(960),
    'classifier/bias': uniform(960),
  },
  shufflenetv2: {
    'stage1/unit1/side/conv1/kernel': uniform(9),
    'stage1/unit1/side/conv2/kernel': uniform(24),
    'stage1/unit2/conv1/kernel': uniform(58),
    'last/kernel': uniform(464),
    'classifier/kernel': uniform(1024),
    'classifier/bias': uniform(1024),
  },
};

for (const [model, expected] of Object.entries(EXPECTED)) {
  test(`${model} starts as the reference does`, (t) => {
    const initials = initialsOf(model);
    for (const [name, initial] of Object.entries(expected)) {
      t.deepEqual(initials.get(name), initial, name);
    }
  });
}
