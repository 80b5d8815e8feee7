import test from 'ava';

import { KdxError } from '../../../leg/errors.ts';
import { adam } from '../../../learning/engine/adam.ts';
import { tf } from '../../../learning/engine/backend.ts';
import type { Network } from '../../../learning/engine/network.ts';
import { sgd } from '../../../learning/engine/sgd.ts';
import type { Engine, Feeds, Trainer } from '../../../learning/engine/trainer.ts';
import { createProgram, createTrainer } from '../../../learning/engine/trainer.ts';
import { lossOf, randomNetwork, randomTensor } from '../networks.ts';

function rates(feeds: Feeds): Record<'weights' | 'gates' | 'vam', tf.Scalar> {
  const rate = feeds['rate'] as tf.Scalar;
  return { weights: rate, gates: rate, vam: rate };
}

function trainer(network: Network): Trainer<Feeds> {
  const parameters = [...network.trainable.values()];
  const optimizer =
    network.options.model === 'hme_ltb'
      ? adam({ parameters, weightDecay: 5e-4 })
      : sgd({ parameters, momentum: 0.9, weightDecay: 5e-4 });
  return createTrainer({
    engine: 'eager',
    optimizer,
    rates,
    loss: (feeds) => {
      const total = lossOf(network, feeds['images'] as tf.Tensor4D, {
        mode: 'train',
        dropoutSeed: feeds['seed'] as tf.Tensor1D,
        inverseGateTemperature: feeds['inverseTemperature'] as tf.Scalar,
      });
      return { total, images: feeds['images'] as tf.Tensor4D };
    },
  });
}

function feedsOf(step: number): Feeds {
  return {
    images: randomTensor<tf.Rank.R4>([6, 16, 16, 3], `images/${step % 3}`),
    rate: tf.scalar(0.01),
    seed: tf.tensor1d([step, 5], 'int32'),
    inverseTemperature: tf.scalar(0.2 * step),
  };
}

/** Trains and gives the losses with the final weights. */
function train(network: Network, steps: number): { losses: number[]; weights: number[][] } {
  const { step, dispose } = trainer(network);
  const losses = Array.from({ length: steps }, (_, index) => {
    const feeds = feedsOf(index + 1);
    const outputs = step(feeds);
    const loss = outputs['total']?.arraySync() as number;
    tf.dispose([outputs, feeds]);
    return loss;
  });
  dispose();
  const weights = [...network.trainable.values()].map(({ variable }) => [...variable.dataSync()]);
  return { losses, weights };
}

const SMALL = [
  { model: 'resnet8', imageSize: 16 },
  { model: 'resnet8', imageSize: 16, vam: { blockSize: 8 } },
  { model: 'hme_ltb', imageSize: 16, width: 4 },
];

for (const [index, options] of SMALL.entries()) {
  const steps = index === 0 ? 50 : 10;
  const name = `${options.model}${options.vam === undefined ? '' : ' with VAM'}`;
  test(`training ${name} leaves no tensor behind`, (t) => {
    const network = randomNetwork(options);
    const { step } = trainer(network);
    const run = (first: number, count: number): void => {
      for (let index = first; index < first + count; index += 1) {
        const feeds = feedsOf(index);
        tf.dispose([step(feeds), feeds]);
      }
    };
    run(1, 2);
    const before = tf.memory().numTensors;
    run(3, steps);
    t.is(tf.memory().numTensors, before);
    network.dispose();
  });

  test(`training ${name} twice gives the same bits, and lowers the loss`, (t) => {
    const [one, two] = [randomNetwork(options), randomNetwork(options)];
    const first = train(one, 12);
    t.deepEqual(train(two, 12), first);
    t.true((first.losses.at(-1) ?? Infinity) < (first.losses[0] ?? 0));
    for (const network of [one, two]) network.dispose();
  });
}

test('everything a network holds is freed with it', (t) => {
  const before = tf.memory().numTensors;
  for (const options of SMALL) randomNetwork(options).dispose();
  t.is(tf.memory().numTensors, before);
});

test('targets carry no gradient and reach the loss', (t) => {
  const student = tf.variable(tf.scalar(1));
  const teacher = tf.variable(tf.scalar(3));
  const { step } = createTrainer({
    engine: 'eager',
    optimizer: sgd({
      parameters: [{ name: 'student', group: 'weights', variable: student }],
      momentum: 0,
      weightDecay: 0,
    }),
    rates,
    targets: () => ({ value: tf.mul(teacher, 2) }),
    loss: (_, targets) => {
      const error = tf.sub(student, targets['value']);
      return { total: tf.square(error) as tf.Scalar, error };
    },
  });
  const outputs = step({ rate: tf.scalar(0.1) });
  t.is(outputs['error']?.arraySync(), -5);
  t.is(student.arraySync(), 2);
  t.is(teacher.arraySync(), 3);
});

test('a program gives outputs that outlive it and frees the rest', (t) => {
  const program = createProgram('eager', ({ x }) => ({ y: tf.add(tf.square(x as tf.Tensor), 1) }));
  const x = tf.scalar(3);
  const before = tf.memory().numTensors;
  const { y } = program.run({ x });
  t.is(tf.memory().numTensors, before + 1);
  t.is(y?.arraySync(), 10);
  t.false(x.isDisposed);
});

test('an unknown engine is refused with what is allowed', (t) => {
  const error = t.throws(() => createProgram('fast' as Engine, () => ({})), {
    instanceOf: KdxError,
    message: /engine is fast; allowed: .*eager/,
  });
  t.is(error.code, 'SpecInvalid');
});
