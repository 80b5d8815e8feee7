/**
 * Recordings of the explainer's soft stage under Adam, where rounding decides single steps: the biases
 * in front of its batch norms have no gradient but noise.
 */
import test from 'ava';

import { adam } from '../../../../learning/engine/adam.ts';
import { tf } from '../../../../learning/engine/backend.ts';
import { stream } from '../../../../learning/engine/random.ts';
import { createTrainer } from '../../../../learning/engine/trainer.ts';
import { loadDataset } from '../../../../learning/data/load.ts';
import { plainBatch } from '../../../../learning/data/batches.ts';
import { digestJson } from '../../../../study/canonical.ts';
import type { TrainSpec } from '../../../../study/spec.ts';
import { createMemory, FEW_DIGITS } from '../../memory.ts';
import { lossOf, randomNetwork } from '../../networks.ts';

const { readBlob } = createMemory().context({ code: digestJson('code') } as TrainSpec).ports;
const digits = await loadDataset(FEW_DIGITS, readBlob);
const { imageSize } = digits.train.set;

/** Ten steps of eight digits each, and two of the four that are left: both versions are checked. */
const BATCHES = [...Array<number>(10).fill(8), 4, 4];

/** Trains the explainer of a seed; `rateOf` gives the rate, which should be fed, in JavaScript. */
function trainSoftStage(seed: number, rateOf?: (step: number) => number): void {
  const network = randomNetwork({ model: 'hme_ltb', width: 8, imageSize }, seed);
  const optimizer = adam({ parameters: [...network.trainable.values()], weightDecay: 5e-4 });
  let step = 0;
  const trainer = createTrainer({
    engine: 'recorded',
    optimizer,
    loss: ({ images, gate }) => ({
      total: lossOf(network, images as tf.Tensor4D, {
        mode: 'train',
        inverseGateTemperature: gate as tf.Scalar,
      }),
    }),
    rates: ({ rate }) => {
      const weights = rateOf === undefined ? (rate as tf.Scalar) : tf.scalar(rateOf(step));
      return { weights, gates: weights, vam: weights };
    },
  });
  try {
    for (step = 0; step < BATCHES.length; step += 1) {
      const count = BATCHES[step] ?? 0;
      const order = stream(seed, `batch/${step}`).permutation(digits.split.train.length);
      const positions = order.subarray(0, count).map((at) => digits.split.train[at] ?? 0);
      const { images } = plainBatch(digits.train, positions);
      const feeds = {
        images: tf.tensor(images, [count, imageSize, imageSize, 3]),
        rate: tf.scalar(2e-3),
        gate: tf.scalar(0.2 * (step + 1)),
      };
      tf.dispose([trainer.step(feeds), feeds]);
    }
  } finally {
    trainer.dispose();
    optimizer.dispose();
    network.dispose();
  }
}

test.serial('recordings of the explainer on real images raise no false alarm', (t) => {
  for (const seed of [1, 2, 3]) t.notThrows(() => trainSoftStage(seed), `seed ${seed}`);
});

test.serial('a rate that is frozen in the recording of the explainer is found', (t) => {
  const message = /disagree on variable .* rounding moves it by .*frozen in the graph/;
  t.throws(() => trainSoftStage(1, (step) => 2e-3 * (1 + step)), { code: 'CodeBug', message });
});
