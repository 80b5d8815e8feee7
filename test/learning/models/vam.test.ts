import test from 'ava';

import { tf } from '../../../learning/engine/backend.ts';
import type { Network, NetworkOptions } from '../../../learning/engine/network.ts';
import { foldBatchNorm, foldVam } from '../../../learning/models/fold.ts';
import { networkCost } from '../../../learning/models/build.ts';
import {
  attendKernel,
  attentionOf,
  blocksOf,
  temperatureOf,
} from '../../../learning/models/vam.ts';
import { distance, gradientsOf, logitsOf, randomNetwork, randomTensor } from '../networks.ts';

const EVALUATE = { mode: 'evaluate', hardGates: true } as const;
const TRAIN = { mode: 'train', hardGates: true } as const;

/** Moves attention, temperature and statistics away from where they start. */
function disturb(network: Network): void {
  for (const { name, group, variable } of network.trainable.values()) {
    if (group === 'weights') continue;
    tf.tidy(() => {
      const noise = randomTensor(variable.shape as [number, number], name);
      variable.assign(tf.add(variable, tf.mul(noise, 1.5)));
    });
  }
  const images = randomTensor<tf.Rank.R4>([4, 32, 32, 3], 'disturb');
  for (let step = 0; step < 5; step += 1) logitsOf(network, images, TRAIN);
  images.dispose();
}

test('VAM costs resnet20 465 parameters at a block size of 8, and no multiply-add', (t) => {
  const plain = { model: 'resnet20', classes: 100, imageSize: 32 };
  const withVam = networkCost({ ...plain, vam: { blockSize: 8 } });
  t.is(withVam.parameterCount - networkCost(plain).parameterCount, 465);
  t.is(withVam.multiplyAdds, networkCost(plain).multiplyAdds);
});

test('blocks are contiguous, and uneven channels give sizes that differ by at most one', (t) => {
  t.deepEqual(blocksOf(8, 2), [0, 0, 0, 0, 1, 1, 1, 1]);
  const sizes = Map.groupBy(blocksOf(32, 7), (block) => block);
  const counts = [...sizes.values()].map(({ length }) => length);
  t.is(counts.length, 7);
  t.true(Math.max(...counts) - Math.min(...counts) <= 1);
});

for (const [model, blockSize] of [
  ['resnet8', 8],
  ['resnet8', 3],
  ['wrn_16_1', 5],
  ['resnet18', 32],
  ['vgg8', 24],
  ['mobilenetv2', 8],
  ['shufflenetv1', 8],
  ['shufflenetv2', 16],
] as const) {
  test(`a new ${model} with blocks of ${blockSize} is the plain network, bit for bit`, (t) => {
    const plain = randomNetwork({ model });
    const attended = randomNetwork({ model, vam: { blockSize } });
    const images = randomTensor<tf.Rank.R4>([2, 32, 32, 3]);
    t.deepEqual(logitsOf(attended, images, EVALUATE), logitsOf(plain, images, EVALUATE));
    const reference = gradientsOf(plain, images, TRAIN);
    const gradients = gradientsOf(attended, images, TRAIN);
    for (const [name, gradient] of reference) t.deepEqual(gradients.get(name), gradient, name);
    t.true(reference.size > 20);
    for (const network of [plain, attended]) network.dispose();
  });
}

test('attention on groups of channels stays within each of them', (t) => {
  // conv3 of the second unit: 60 to 240 channels in 3 groups, blocks of 7: 3 of 20 and 12 of 80.
  const network = randomNetwork({ model: 'shufflenetv1', vam: { blockSize: 7 } });
  const epsilon = network.trainable.get('stage1/unit2/conv3/vam/epsilon')?.variable;
  t.deepEqual(epsilon?.shape, [36, 3]);
  t.deepEqual(
    [0, 79, 80, 159, 160, 239].map((channel) => blocksOf(240, 36)[channel]),
    [0, 11, 12, 23, 24, 35],
  );
  const gated = (name: string): boolean => network.trainable.has(`${name}/vam/epsilon`);
  t.true(gated('stage1/unit1/conv1'));
  t.false(gated('stage1/unit1/conv2'), 'depthwise');
  t.false(gated('stem'));
  network.dispose();
});

test('VAM stands on the 3 × 3 convolutions of a bottleneck alone', (t) => {
  const network = randomNetwork({ model: 'resnet50', vam: { blockSize: 64 } });
  const gated = [...network.trainable.keys()].filter((name) => name.endsWith('/epsilon'));
  t.is(gated.length, 13, 'all but those of the first stage, which has 64 channels');
  t.true(gated.every((name) => name.includes('/conv2/')));
  network.dispose();
});

test('the gradients of attention and temperature match finite differences', (t) => {
  const kernel = randomTensor<tf.Rank.R4>([3, 3, 8, 12], 'kernel');
  const probe = randomTensor<tf.Rank.R4>([3, 3, 8, 12], 'probe');
  const epsilon = randomTensor<tf.Rank.R2>([3, 2], 'epsilon');
  const rho = tf.scalar(0.3);
  const value = (logits: tf.Tensor, temperature: tf.Tensor): tf.Scalar => {
    const tau = temperatureOf(temperature);
    const attended = attendKernel(kernel, logits as tf.Tensor2D, tau);
    return tf.add(tf.sum(tf.mul(attended.kernel, probe)), tf.sum(attended.entropy));
  };
  const [byEpsilon, byRho] = tf.grads(value)([epsilon, rho]) as [tf.Tensor2D, tf.Scalar];
  const h = 1e-2;
  const slope = (at: (shift: number) => tf.Scalar): number =>
    (at(h).arraySync() - at(-h).arraySync()) / (2 * h);
  for (const [index, gradient] of byEpsilon.dataSync().entries()) {
    const unit = tf
      .oneHot(tf.tensor1d([index], 'int32'), 6)
      .toFloat()
      .reshape([3, 2]);
    const estimate = slope((shift) => value(tf.add(epsilon, tf.mul(unit, shift)), rho));
    t.true(Math.abs(gradient - estimate) < 2e-3 * (1 + Math.abs(estimate)), `ε ${index}`);
  }
  const estimate = slope((shift) => value(epsilon, tf.add(rho, shift)));
  t.true(Math.abs(byRho.arraySync() - estimate) < 2e-3 * (1 + Math.abs(estimate)));
});

test('attention starts with entropy 1 and loses it as one block wins', (t) => {
  const network = randomNetwork({ vam: { blockSize: 8 } });
  const images = randomTensor<tf.Rank.R4>([2, 32, 32, 3]);
  const start = network.forward(images, EVALUATE).vamEntropy?.arraySync() ?? Number.NaN;
  t.true(Math.abs(start - 1) < 1e-6);
  const sharp = attentionOf(
    tf.tensor2d([
      [9, 0, 0],
      [0, 0, 9],
    ]),
    tf.scalar(0.5),
  );
  t.true(Math.max(...sharp.entropy.dataSync()) < 1e-4);
  t.true(distance([...sharp.scale.dataSync()], [3, 0, 0, 0, 0, 3]) < 1e-4);
  network.dispose();
});

test('the loss reaches the attention of every convolution', (t) => {
  const network = randomNetwork({ vam: { blockSize: 8 } });
  const images = randomTensor<tf.Rank.R4>([4, 32, 32, 3]);
  const gradients = gradientsOf(network, images, TRAIN);
  const attention = [...network.trainable.values()].filter(({ group }) => group === 'vam');
  t.is(attention.length, 7);
  for (const { name } of attention.filter(({ name }) => name !== 'vam/rho')) {
    t.true(
      gradients.get(name)?.some((value) => value !== 0),
      name,
    );
  }
  network.dispose();
});

for (const model of [
  'resnet8',
  'wrn_16_1',
  'resnet50',
  'vgg8',
  'mobilenetv2',
  'shufflenetv1',
  'shufflenetv2',
]) {
  test(`folding VAM leaves a plain ${model} with the same answers`, (t) => {
    const network = randomNetwork({ model, vam: { blockSize: 8 } });
    disturb(network);
    const images = randomTensor<tf.Rank.R4>([16, 32, 32, 3]);
    const folded = foldVam(network);
    const plain: NetworkOptions = { model, classes: 10, imageSize: 32 };
    t.deepEqual(folded.options, plain);
    t.is(folded.parameterCount, networkCost(plain).parameterCount);
    t.is(folded.multiplyAdds, networkCost(plain).multiplyAdds);
    sameAnswers(t, logitsOf(network, images, EVALUATE), logitsOf(folded, images, EVALUATE));
    for (const created of [network, folded]) created.dispose();
  });
}

for (const model of [
  'resnet8',
  'wrn_16_1',
  'resnet50',
  'vgg8',
  'mobilenetv2',
  'shufflenetv1',
  'shufflenetv2',
  'hme_ltb',
  'hme_paper',
]) {
  test(`folding batch norm into the convolutions of ${model} keeps its answers`, (t) => {
    const network = randomNetwork({ model, ...(model === 'hme_ltb' ? { width: 16 } : {}) });
    disturb(network);
    const images = randomTensor<tf.Rank.R4>([16, 32, 32, 3]);
    const folded = foldBatchNorm(network);
    t.true(folded.statistics.size < network.statistics.size);
    t.is(folded.multiplyAdds, network.multiplyAdds);
    sameAnswers(t, logitsOf(network, images, EVALUATE), logitsOf(folded, images, EVALUATE));
    for (const created of [network, folded]) created.dispose();
  });
}

test('folding refuses what it cannot fold', (t) => {
  const network = randomNetwork({ vam: { blockSize: 8 } });
  t.throws(() => foldBatchNorm(network), { message: /Fold VAM first/ });
  const plain = foldVam(network);
  t.throws(() => foldVam(plain), { message: /resnet8 has no VAM to fold/ });
  for (const created of [network, plain]) created.dispose();
});

function sameAnswers(
  t: {
    true(value: boolean, message?: string): boolean;
    deepEqual(a: unknown, b: unknown): boolean;
  },
  expected: number[][],
  actual: number[][],
): void {
  const difference = distance(expected.flat(), actual.flat());
  t.true(difference <= 1e-4, `logits differ by ${difference}`);
  const best = (rows: number[][]): number[] => rows.map((row) => row.indexOf(Math.max(...row)));
  t.deepEqual(best(actual), best(expected));
}
