import test from 'ava';

import {
  explanationMemoryMiB,
  predictionMemoryMiB,
  trainingMemoryMiB,
} from '../../../study/plan/memory.ts';
import type { ModelSpec } from '../../../study/schema.ts';

const DEVICE = { kind: 'cpu', threads: 2, precision: 'float32' } as const;
const DIGITS = {
  device: DEVICE,
  dataset: { name: 'digits', preset: 'correct', split: { validation: 0 } },
} as const;
const RESNET8: ModelSpec = { name: 'resnet8' };

/** Peak resident memory of one epoch on the digits in MiB, two threads, recorded. */
const MEASURED: readonly (readonly [ModelSpec, batch: number, peakMiB: number])[] = [
  [RESNET8, 64, 596],
  [RESNET8, 128, 712],
  [{ name: 'resnet20' }, 64, 746],
  [{ name: 'resnet20' }, 128, 986],
  [{ name: 'resnet56' }, 64, 1201],
  [{ name: 'wrn_16_2' }, 64, 871],
  [{ name: 'resnet8x4' }, 64, 1016],
  [{ name: 'resnet18' }, 64, 1768],
  [{ name: 'resnet50' }, 64, 5521],
  [{ name: 'vgg8' }, 64, 901],
  [{ name: 'vgg13' }, 64, 1410],
  [{ name: 'vgg19' }, 64, 2341],
  [{ name: 'mobilenetv2' }, 64, 788],
  [{ name: 'shufflenetv1' }, 64, 1738],
  [{ name: 'shufflenetv2' }, 64, 1466],
  [{ name: 'shufflenetv2_x1_5' }, 64, 1942],
  [{ name: 'hme_ltb', width: 16 }, 64, 703],
  [{ name: 'hme_ltb' }, 128, 1877],
];

for (const [model, batch, peakMiB] of MEASURED) {
  test(`${JSON.stringify(model)} with ${batch} images a step is given what it was seen to need`, (t) => {
    const asked = trainingMemoryMiB(DIGITS, model, batch, undefined);
    t.true(asked >= peakMiB, `${asked} MiB are less than ${peakMiB}`);
    t.true(asked <= 1.45 * peakMiB, `${asked} MiB are far more than ${peakMiB}`);
  });
}

test('a teacher that runs beside its student adds to its memory', (t) => {
  const alone = trainingMemoryMiB(DIGITS, RESNET8, 64, undefined);
  t.true(trainingMemoryMiB(DIGITS, RESNET8, 64, { name: 'resnet56' }) > alone);
});

test('what only predicts needs less than what trains, and two networks more than one', (t) => {
  const model: ModelSpec = { name: 'resnet56' };
  const one = predictionMemoryMiB(DIGITS, [model]);
  t.true(one < trainingMemoryMiB(DIGITS, model, 128, undefined));
  t.true(one < predictionMemoryMiB(DIGITS, [model, model]));
  const tree: ModelSpec = { name: 'hme_ltb' };
  const alone = explanationMemoryMiB(DIGITS, tree, undefined);
  t.true(alone < explanationMemoryMiB(DIGITS, tree, model));
});

test('on a GPU the host holds no activations', (t) => {
  const cuda = { ...DIGITS, device: { ...DEVICE, kind: 'cuda' } } as const;
  const small = trainingMemoryMiB(cuda, RESNET8, 64, undefined);
  t.is(trainingMemoryMiB(cuda, RESNET8, 1024, undefined), small);
});
