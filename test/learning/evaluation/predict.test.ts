import test from 'ava';

import { tf } from '../../../learning/engine/backend.ts';
import { createPredictor } from '../../../learning/evaluation/predict.ts';
import { randomSource } from '../data/images.ts';
import { randomNetwork } from '../networks.ts';

/** Bytes of 100 images of 8 × 8 pixels, normalised: one batch. */
const BATCH_BYTES = 100 * 8 * 8 * 3 * 4;
const IMAGES = Uint32Array.from({ length: 250 }, (_, index) => 299 - index);

test('predictions are the same whether batches are kept, kept in part, or made anew', async (t) => {
  const source = randomSource(300);
  const gated = { network: randomNetwork({ imageSize: 8 }) };
  const logits: Float32Array[] = [];
  for (const [keepBytes, kept] of [
    [0, 0],
    [BATCH_BYTES, 1],
    [1.5 * BATCH_BYTES, 2], // the first batch, and the last one of 50 images
    [2.5 * BATCH_BYTES, 3],
  ] as const) {
    const predictor = createPredictor('eager', gated, keepBytes);
    const before = tf.memory().numTensors;
    for (let pass = 0; pass < 3; pass += 1) {
      const predictions = await predictor.predict({}, source, IMAGES);
      logits.push(predictions.logits);
      t.is(predictions.labels[0], source.set.labels[299]);
      t.is(tf.memory().numTensors, before + kept, `${keepBytes} bytes, pass ${pass}`);
    }
    predictor.dispose();
    t.is(tf.memory().numTensors, before);
  }
  t.is(logits[0]?.length, 2500);
  for (const later of logits.slice(1)) t.deepEqual(later, logits[0]);
  gated.network.dispose();
});
